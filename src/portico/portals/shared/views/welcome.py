"""The gates between signing in and the portal: privacy policy and own email."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portico.accounts.enums import Gate
from portico.accounts.errors import LinkSpent
from portico.accounts.gates import pending_gate
from portico.accounts.selectors import provider_information
from portico.accounts.services.email_address import confirm_by_link
from portico.accounts.services.policy import (
    ProviderData,
    accept_policy,
    refuse_policy,
    save_provider_information,
)
from portico.accounts.services.portal_sessions import forget_session
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError
from portico.portals.shared.account_forms import ProviderForm
from portico.portals.shared.confirming import confirming
from portico.portals.shared.gates import ArrivingRequest, arriving, go_on
from portico.tenancy.selectors import serves_residents

if TYPE_CHECKING:
    from portico.accounts.models import User


@arriving
def privacy(request: ArrivingRequest) -> HttpResponse:
    decision = request.POST.get("decision")
    version, now = settings.PRIVACY_POLICY_VERSION, utcnow()
    if decision == "disagree":
        refuse_policy(user=request.user, version=version, now=now)
        forget_session(session_key=request.session.session_key or "")
        logout(request)
        messages.info(
            request,
            _("Without agreeing to the privacy policy you cannot use the portal."),
        )
        return redirect("account_login")
    if decision == "agree":
        accept_policy(user=request.user, version=version, now=now)
        serves = serves_residents(request.membership)
        return redirect("welcome_provider") if serves else go_on(request)
    if pending_gate(request.user) != Gate.PRIVACY:
        return go_on(request)
    context = {"is_new": bool(request.user.policy_version)}
    return render(request, "shared/welcome/privacy.html", context)


@arriving
def provider(request: ArrivingRequest) -> HttpResponse:
    if pending_gate(request.user) == Gate.PRIVACY:
        return go_on(request)
    form = provider_form(request, request.user)
    if request.method == "POST" and form.is_valid():
        data = ProviderData(**form.cleaned_data)
        save_provider_information(user=request.user, data=data, now=utcnow())
        return go_on(request)
    return render(request, "shared/welcome/provider.html", {"form": form})


def provider_form(request: HttpRequest, user: User) -> ProviderForm:
    """The form with what was entered before."""
    known = provider_information(user)
    initial = {name: getattr(known, name, "") for name in ProviderForm.base_fields}
    return ProviderForm(request.POST or None, initial=initial)


@arriving
def email(request: ArrivingRequest) -> HttpResponse:
    if pending_gate(request.user) != Gate.EMAIL:
        return go_on(request)
    step = confirming(request, request.user)
    if step.is_confirmed:
        return go_on(request)
    if step.is_done:
        return redirect("welcome_email")
    return render(request, "shared/welcome/email.html", {"step": step})


@require_http_methods(["GET", "POST"])
@never_cache
def confirm(request: HttpRequest, secret: str) -> HttpResponse:
    # Only a POST spends the link: mail scanners and previews follow links with GET.
    if request.method == "GET":
        return render(request, "shared/welcome/confirm.html")
    try:
        user = confirm_by_link(secret=secret, now=utcnow())
    except LinkSpent as error:
        return render(request, "shared/welcome/spent.html", status=error.status)
    except DomainError as error:
        context = {"title": _("Email not changed"), "error": error, "text": str(error)}
        return render(request, "shared/refused.html", context, status=error.status)
    context = {"email": user.email}
    return render(request, "shared/welcome/confirmed.html", context)
