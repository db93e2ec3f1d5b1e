"""The people of one's own company: the Users module of installers, the team of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.accounts.services.password_links import invite
from portico.accounts.services.second_factors import require_email_code
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.portals.shared.company_forms import PersonForm
from portico.portals.shared.forms import TypedNameForm, blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import show_list
from portico.portals.shared.people_forms import ManagerForm, SubInstallerForm
from portico.portals.shared.tables import MANAGERS, PEOPLE, manager_rows, person_rows
from portico.sites.enums import SiteKind
from portico.sites.selectors import (
    assigned_site_ids,
    rights_by_community,
    site_names,
    visible_sites,
)
from portico.sites.services.assignments import assign_communities, assign_sites
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.selectors import get_member, members_of, search_members
from portico.tenancy.services.members import (
    change_member,
    create_member,
    delete_member,
    set_member_active,
    set_password_reminder,
)

if TYPE_CHECKING:
    from portico.tenancy.models import Membership

# Whom a company has beside its owner, by the word in the address; the first is shown.
_INSTALLERS = {"sub-installers": Role.SUB_INSTALLER, "managers": Role.MANAGER}
_OTHERS = {"team": Role.STAFF}


def _roles(request: StaffRequest) -> dict[str, Role]:
    kind = request.membership.organization.kind
    return _INSTALLERS if kind == OrganizationKind.INSTALLER else _OTHERS


def _role(request: StaffRequest, slug: str) -> Role:
    roles = _roles(request)
    if slug not in roles:
        raise NotVisible
    return roles[slug]


def _slug(request: StaffRequest, member: Membership) -> str:
    roles = _roles(request)
    return next(slug for slug, role in roles.items() if role == member.role)


def _list_of(request: StaffRequest, kind: str) -> HttpResponse:
    return redirect(f"{request.portal.namespace}:users_of", kind)


def user_list(request: StaffRequest, kind: str = "") -> HttpResponse:
    kind = kind or next(iter(_roles(request)))
    role, company = _role(request, kind), request.membership.organization
    is_managers = role == Role.MANAGER
    spec, items = (MANAGERS, manager_rows) if is_managers else (PEOPLE, person_rows)
    asked = spec.ask(request)
    found = search_members(members_of(company, role), asked.text)
    page, context = "shared/people/list.html", {"kind": kind}
    return show_list(
        request, spec, asked, found, items=items, page=page, context=context
    )


def user_new(request: StaffRequest, kind: str) -> HttpResponse:
    form = _form(request, _role(request, kind), None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                member = create_member(
                    actor=request.user,
                    organization=request.membership.organization,
                    data=form.person_data(),
                    role=_role(request, kind),
                    now=utcnow(),
                )
                _save_rest(request, form, member)
        except DomainError as error:
            blame(form, error)
        else:
            text = _("%(name)s is added. The invitation goes to %(email)s.")
            user = member.user
            messages.success(request, text % {"name": user.name, "email": user.email})
            return _list_of(request, kind)
    return render(request, "shared/people/form.html", {"form": form, "kind": kind})


def user_edit(request: StaffRequest, member_id: int) -> HttpResponse:
    member = _member(request, member_id)
    kind, form = _slug(request, member), _form(request, Role(member.role), member)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                change_member(
                    actor=request.user,
                    member=member,
                    data=form.person_data(),
                    version=form.cleaned_data["version"],
                    now=utcnow(),
                )
                _save_rest(request, form, member)
        except DomainError as error:
            blame(form, error)
        else:
            messages.success(request, _("Saved."))
            return _list_of(request, kind)
    context = {"form": form, "kind": kind, "member": member}
    return render(request, "shared/people/form.html", context)


def user_delete(request: StaffRequest, member_id: int) -> HttpResponse:
    member = _member(request, member_id)
    kind, name = _slug(request, member), member.user.name or str(member.user)
    form = TypedNameForm(request.POST or None, wanted=name)
    if request.method == "POST" and form.is_valid():
        delete_member(actor=request.user, member=member, now=utcnow())
        messages.success(request, _("%(name)s is deleted.") % {"name": name})
        return _list_of(request, kind)
    context = {"form": form, "kind": kind, "member": member, "name": name}
    return render(request, "shared/people/delete.html", context)


@require_POST
def user_invite(request: StaffRequest, member_id: int) -> HttpResponse:
    member = _member(request, member_id)
    try:
        invite(actor=request.user, user=member.user, now=utcnow())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        text = _("A link to set a password goes to %(email)s.")
        messages.success(request, text % {"email": member.user.email})
    return _list_of(request, _slug(request, member))


@require_POST
def user_switch(request: StaffRequest, member_id: int) -> HttpResponse:
    member = _member(request, member_id)
    active = request.POST.get("on") == "yes"
    set_member_active(actor=request.user, member=member, active=active, now=utcnow())
    on, off = _("The account is enabled."), _("The account is disabled.")
    messages.success(request, on if active else off)
    return _list_of(request, _slug(request, member))


def _member(request: StaffRequest, member_id: int) -> Membership:
    company = request.membership.organization
    return get_member(company, member_id, *_roles(request).values())


def _form(request: StaffRequest, role: Role, member: Membership | None) -> PersonForm:
    initial: dict[str, Any] = {"language": request.user.language}
    if member is not None:
        user = member.user
        initial = {
            "person": user.name,
            "username": user.username,
            "version": user.version,
            "email": user.email,
            "language": user.language,
            "password_reminder": member.password_reminder,
            "email_code": user.email_code_required,
            "sites": [str(pk) for pk in assigned_site_ids(user)],
        }
    if role == Role.STAFF:
        return PersonForm(request.POST or None, initial=initial)
    mine = visible_sites(request.user)
    if role == Role.MANAGER:
        return ManagerForm(
            request.POST or None,
            initial=initial,
            communities=dict(site_names(mine.filter(kind=SiteKind.COMMUNITY))),
            rights=rights_by_community(member.user) if member else {},
        )
    sites = [(str(pk), name) for pk, name in site_names(mine)]
    return SubInstallerForm(request.POST or None, initial=initial, sites=sites)


def _save_rest(request: StaffRequest, form: PersonForm, member: Membership) -> None:
    now = utcnow()
    if isinstance(form, SubInstallerForm):
        ids = form.site_ids()
        assign_sites(actor=request.user, member=member, site_ids=ids, now=now)
        return
    if not isinstance(form, ManagerForm):
        return
    assign_communities(actor=request.user, member=member, rights=form.rights(), now=now)
    data = form.cleaned_data
    set_password_reminder(
        actor=request.user, member=member, wanted=data["password_reminder"], now=now
    )
    required = data["email_code"] or member.organization.requires_email_code
    require_email_code(actor=request.user, user=member.user, required=required, now=now)
