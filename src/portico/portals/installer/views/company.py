"""What the owner of an installer sets up for his company."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.portals.installer.forms.company import (
    BillingForm,
    DashboardForm,
    LogForm,
    MailsForm,
    ServiceForm,
    SettingsForm,
)
from portico.portals.installer.frame import installer_only, owner_only
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.visitor import stop_visit
from portico.tenancy.selectors import company_settings, visits_of
from portico.tenancy.services.company_settings import change_company_settings
from portico.tenancy.services.portal_visits import grant_access, leave_portal

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_VISITS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Part:
    """One page of the company's settings."""

    form: type[SettingsForm]
    title: StrOrPromise
    about: StrOrPromise


_PARTS = {
    "billing": _Part(
        BillingForm,
        gettext_lazy("Billing Information"),
        gettext_lazy("Stands on the invoices for your payments."),
    ),
    "log": _Part(
        LogForm,
        gettext_lazy("Log Setting"),
        gettext_lazy("What is kept in the logs of your houses, and for how long."),
    ),
    "dashboard": _Part(
        DashboardForm,
        gettext_lazy("Dashboard Setting"),
        gettext_lazy("What stands among the things to do, for all of your company."),
    ),
    "emails": _Part(
        MailsForm,
        gettext_lazy("Single-Family Email Setting"),
        gettext_lazy("Which mails Portico sends to the residents of your houses."),
    ),
    "service": _Part(
        ServiceForm,
        gettext_lazy("Customer Service"),
        gettext_lazy("How your customers reach you. It is shown in their app."),
    ),
}


@owner_only
def company_setting(request: StaffRequest, part: str) -> HttpResponse:
    if part not in _PARTS:
        raise NotVisible
    page = _PARTS[part]
    saved = company_settings(request.membership.organization)
    form = page.form.starting_from(
        request.POST if request.method == "POST" else None, saved
    )
    if request.method == "POST" and form.is_valid():
        change_company_settings(
            actor=request.user, values=form.cleaned_data, now=utcnow()
        )
        messages.success(request, _("Saved."))
        return redirect("installer:company_setting", part)
    context = {"form": form, "part": part, "page": page}
    return render(request, "installer/company/setting.html", context)


@owner_only
def access(request: StaffRequest) -> HttpResponse:
    company = request.membership.organization
    if not company.access_offered:
        raise NotVisible
    if request.method == "POST":
        granted = request.POST.get("on") == "yes"
        grant_access(actor=request.user, granted=granted, now=utcnow())
        on = _("Your distributor may enter your portal now.")
        off = _("Your distributor can no longer enter your portal.")
        messages.success(request, on if granted else off)
        return redirect("installer:access")
    context = {"company": company, "visits": visits_of(company)[:_VISITS_SHOWN]}
    return render(request, "installer/company/access.html", context)


@installer_only
@require_POST
def leave(request: StaffRequest) -> HttpResponse:
    """End the visit and go back to one's own portal."""
    if request.visit is not None:
        leave_portal(visit=request.visit, now=utcnow())
    stop_visit(request)
    return redirect("home")
