"""What services cost, and the operator's hand on those of one house."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.portals.operator.forms import GrantForm, PricesForm
from portico.portals.operator.frame import operator_only
from portico.portals.shared.forms import blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import whole_number
from portico.portals.shared.services import ServiceLine, service_lines
from portico.sites.selectors import get_site_below, price_list
from portico.sites.services.entitlements import end_service, grant
from portico.sites.services.prices import set_prices

if TYPE_CHECKING:
    from portico.sites.models import Site


@operator_only
def prices(request: StaffRequest) -> HttpResponse:
    form = PricesForm(request.POST or None, prices=price_list())
    if request.method == "POST" and form.is_valid():
        set_prices(
            actor=request.user,
            currency=form.cleaned_data["currency"],
            monthly=form.monthly(),
            now=utcnow(),
        )
        messages.success(request, _("Saved."))
        return redirect("operator:prices")
    return render(request, "operator/prices.html", {"form": form})


@operator_only
def site_services(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = _house(request, site_id)
    lines = service_lines(site, utcnow())
    context = {"site": site, "lines": lines, "may_grant": True}
    return render(request, "operator/services/house.html", context)


@operator_only
def service_grant(
    request: StaffRequest, site_id: uuid.UUID, feature: str
) -> HttpResponse:
    site = _house(request, site_id)
    line = _line(request, site, feature)
    form = GrantForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            grant(
                actor=request.user,
                site=site,
                feature=line.feature,
                resident=line.resident,
                months=form.cleaned_data["months"],
                key=form.cleaned_data["key"],
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("operator:site_services", site.pk)
    context = {"site": site, "line": line, "form": form}
    return render(request, "operator/services/grant.html", context)


@operator_only
def service_end(
    request: StaffRequest, site_id: uuid.UUID, feature: str
) -> HttpResponse:
    site = _house(request, site_id)
    line = _line(request, site, feature)
    if request.method == "POST":
        end_service(
            actor=request.user,
            site=site,
            feature=line.feature,
            resident=line.resident,
            now=utcnow(),
        )
        messages.success(request, _("Ended."))
        return redirect("operator:site_services", site.pk)
    context = {"site": site, "line": line}
    return render(request, "operator/services/end.html", context)


def _house(request: StaffRequest, site_id: uuid.UUID) -> Site:
    site = get_site_below(request.user, site_id)
    if site.is_community:
        raise NotVisible
    return site


def _line(request: StaffRequest, site: Site, feature: str) -> ServiceLine:
    """The service that the address means. :raises NotVisible: the house has none such."""
    person = whole_number(request.GET.get("person", ""))
    for line in service_lines(site, utcnow()):
        mine = line.resident.pk if line.resident else None
        if line.feature == feature and mine == person:
            return line
    raise NotVisible
