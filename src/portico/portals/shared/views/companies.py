"""The companies below one's own: the operator's and the distributors' pages (ORG-4)."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.accounts.services.password_links import invite
from portico.devices.selectors import (
    devices_below,
    devices_below_to_sort,
    search_devices,
)
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.portals.shared.choices import zone_names
from portico.portals.shared.company_forms import CompanyForm, NewCompanyForm
from portico.portals.shared.forms import TypedNameForm, blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import Filter, show_list
from portico.portals.shared.tables import (
    COMPANIES,
    DEVICES_BELOW,
    SITES_BELOW,
    company_rows,
    kinds_below,
    sites_below_rows,
)
from portico.portals.shared.visitor import start_visit
from portico.sites.selectors import search_sites, site_counts, sites_below
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.selectors import (
    companies_below,
    get_company_below,
    get_member,
    members_of,
    search_companies,
    without_owner_yet,
)
from portico.tenancy.services import companies as services
from portico.tenancy.services.members import set_member_active
from portico.tenancy.services.portal_visits import enter_portal

# Which companies each kind may make directly below itself.
MAKES = {
    OrganizationKind.OPERATOR: (OrganizationKind.DISTRIBUTOR,),
    OrganizationKind.DISTRIBUTOR: (
        OrganizationKind.INSTALLER,
        OrganizationKind.SUB_DISTRIBUTOR,
    ),
    OrganizationKind.SUB_DISTRIBUTOR: (OrganizationKind.INSTALLER,),
}
_PEOPLE = (Role.OWNER, Role.STAFF, Role.SUB_INSTALLER)


def makes(request: StaffRequest) -> list[OrganizationKind]:
    """Which companies the person may make."""
    return list(MAKES[OrganizationKind(request.membership.organization.kind)])


def company_list(request: StaffRequest) -> HttpResponse:
    kinds = kinds_below(request.membership.organization.kind)
    asked = COMPANIES.ask(request, Filter(key="kind", label=_("Kind"), choices=kinds))
    found = search_companies(companies_below(request.user), asked.text)
    found = found.filter(kind=asked["kind"]) if asked["kind"] else found
    found = without_owner_yet(found) if asked["invitation"] else found
    page, context = "shared/companies/list.html", {"makes": makes(request)}
    return show_list(
        request,
        COMPANIES,
        asked,
        found,
        items=company_rows,
        page=page,
        context=context,
    )


def company_new(request: StaffRequest, kind: str) -> HttpResponse:
    wanted = next((made for made in makes(request) if made.value == kind), None)
    if wanted is None:
        raise NotVisible
    own = request.membership.organization
    initial = {"time_zone": own.time_zone, "language": request.user.language}
    form = NewCompanyForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            company = services.create_company(
                actor=request.user,
                kind=wanted,
                data=form.company_data(),
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            text = _("%(name)s is created. The invitation goes to %(email)s.")
            email = form.cleaned_data["email"]
            messages.success(request, text % {"name": company.name, "email": email})
            return redirect(_url(request, "company"), company.pk)
    context = {"form": form, "kind": wanted, "zones": zone_names()}
    return render(request, "shared/companies/new.html", context)


def _url(request: StaffRequest, route: str) -> str:
    return f"{request.portal.namespace}:{route}"


def company_page(request: StaffRequest, company_id: int) -> HttpResponse:
    company = get_company_below(request.user, company_id)
    context = {
        "company": company,
        "people": members_of(company, *_PEOPLE),
        "sites": site_counts([company.pk]).get(company.pk, 0),
        "below": companies_below(request.user).filter(parent=company).count(),
        "is_installer": company.kind == OrganizationKind.INSTALLER,
    }
    return render(request, "shared/companies/page.html", context)


def company_edit(request: StaffRequest, company_id: int) -> HttpResponse:
    company = get_company_below(request.user, company_id)
    initial = {
        "name": company.name,
        "time_zone": company.time_zone,
        "version": company.version,
    }
    form = CompanyForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_company(
                actor=request.user, company=company, **form.cleaned_data, now=utcnow()
            )
        except DomainError as error:
            blame(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect(_url(request, "company"), company.pk)
    context = {"company": company, "form": form, "zones": zone_names()}
    return render(request, "shared/companies/edit.html", context)


def company_delete(request: StaffRequest, company_id: int) -> HttpResponse:
    company = get_company_below(request.user, company_id)
    form = TypedNameForm(request.POST or None, wanted=company.name)
    if request.method == "POST" and form.is_valid():
        try:
            services.delete_company(actor=request.user, company=company, now=utcnow())
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            text = _("%(name)s is deleted.") % {"name": company.name}
            messages.success(request, text)
            return redirect(_url(request, "companies"))
    context = {"company": company, "form": form}
    return render(request, "shared/companies/delete.html", context)


def _switching(
    change: Callable[..., None], name: str, *, installers_only: bool
) -> Callable[..., HttpResponse]:
    """A view that switches something of a company on or off."""

    @require_POST
    def switch(request: StaffRequest, company_id: int) -> HttpResponse:
        company = get_company_below(request.user, company_id)
        if installers_only and company.kind != OrganizationKind.INSTALLER:
            raise NotVisible
        wanted = {name: request.POST.get("on") == "yes"}
        change(actor=request.user, company=company, **wanted, now=utcnow())
        messages.success(request, _("Saved."))
        return redirect(_url(request, "company"), company.pk)

    return switch


company_payment = _switching(services.allow_payment, "allowed", installers_only=True)
company_access = _switching(services.offer_access, "offered", installers_only=True)
company_code = _switching(services.require_code, "required", installers_only=False)


@require_POST
def company_enter(request: StaffRequest, company_id: int) -> HttpResponse:
    company = get_company_below(request.user, company_id)
    try:
        visit = enter_portal(actor=request.user, company=company, now=utcnow())
    except DomainError as error:
        messages.error(request, str(error))
        return redirect(_url(request, "company"), company.pk)
    start_visit(request, visit)
    return redirect("installer:dashboard")


@require_POST
def person_invite(
    request: StaffRequest, company_id: int, member_id: int
) -> HttpResponse:
    company = get_company_below(request.user, company_id)
    member = get_member(company, member_id, *_PEOPLE)
    try:
        invite(actor=request.user, user=member.user, now=utcnow())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        text = _("A link to set a password goes to %(email)s.")
        messages.success(request, text % {"email": member.user.email})
    return redirect(_url(request, "company"), company.pk)


@require_POST
def person_switch(
    request: StaffRequest, company_id: int, member_id: int
) -> HttpResponse:
    company = get_company_below(request.user, company_id)
    member = get_member(company, member_id, *_PEOPLE)
    active = request.POST.get("on") == "yes"
    try:
        set_member_active(
            actor=request.user, member=member, active=active, now=utcnow()
        )
    except DomainError as error:
        messages.error(request, str(error))
    else:
        on, off = _("The account is enabled."), _("The account is disabled.")
        messages.success(request, on if active else off)
    return redirect(_url(request, "company"), company.pk)


def site_list(request: StaffRequest) -> HttpResponse:
    asked = SITES_BELOW.ask(request)
    below = sites_below(request.user)
    found = search_sites(below, asked.text)
    whole, page = below.select_related("organization"), "shared/companies/sites.html"
    return show_list(
        request,
        SITES_BELOW,
        asked,
        found,
        items=sites_below_rows,
        page=page,
        whole=whole,
    )


def device_list(request: StaffRequest) -> HttpResponse:
    asked = DEVICES_BELOW.ask(request)
    keys = devices_below_to_sort(request.user)
    found = search_devices(keys, text=asked.text, presence=asked["presence"])
    whole, page = devices_below(request.user), "shared/companies/devices.html"
    return show_list(request, DEVICES_BELOW, asked, found, page=page, whole=whole)
