"""The people of a house: added, changed, let in anew, deleted."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.access.selectors import live_keys_of
from portico.access.services.leaving import let_member_go
from portico.accounts.errors import TooManyTries
from portico.accounts.services.people import way_to
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.mail.enums import Channel
from portico.portals.installer.forms.resident import ResidentForm, initial_of
from portico.portals.installer.frame import at_home_only, installer_only
from portico.portals.shared.forms import TypedNameForm, blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.money import monthly_prices
from portico.sites.enums import Feature, ResidentRole
from portico.sites.links import links_of
from portico.sites.rules import no_more_members, service_state
from portico.sites.selectors import get_person, get_visible_site, member_count
from portico.sites.services.people import (
    add_family_member,
    change_resident,
    send_new_link,
)

if TYPE_CHECKING:
    from portico.accounts.models import User
    from portico.sites.models import Resident


def link_sent(user: User) -> str:
    """What happened to the link that a new account is owed."""
    way = way_to(user)
    if way == Channel.EMAIL:
        return _("A link to set a password goes to %(to)s.") % {"to": user.email}
    if way == Channel.SMS:
        text = _("A link to set a password goes to %(to)s by SMS.")
        return text % {"to": user.phone}
    return _(
        "No link to set a password was sent: there is no email, and this installation"
        " sends no SMS."
    )


def welcomed(user: User) -> str:
    """What a new resident was sent: who has a password was told of the house."""
    if not user.has_usable_password():
        return link_sent(user)
    if user.email:
        return _("A mail that says so goes to %(to)s.") % {"to": user.email}
    return _("No mail was sent: the account has no email.")


@at_home_only
def resident_new(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = get_visible_site(request.user, site_id)
    if site.is_community:
        raise NotVisible
    form = ResidentForm(request.POST or None, initial=initial_of(site, None))
    if request.method == "POST" and form.is_valid():
        form.offer_link(request.user, site)
        try:
            resident = add_family_member(
                actor=request.user,
                site=site,
                data=form.person_data(site),
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            text = _("%(name)s is added.") % {"name": resident.user.name}
            messages.success(request, f"{text} {welcomed(resident.user)}")
            return redirect("installer:site", site.pk)
    context = {
        "site": site,
        "form": form,
        "refusal": no_more_members(service_state(site.entitlements.all(), utcnow())),
        "is_extra": member_count(site) >= site.free_members,
        "price": monthly_prices()[Feature.ADDITIONAL_APP],
    }
    return render(request, "installer/residents/form.html", context)


@at_home_only
def resident_edit(
    request: StaffRequest, site_id: uuid.UUID, resident_id: int
) -> HttpResponse:
    resident = _person(request, site_id, resident_id)
    site, name = resident.site, resident.user.name
    form = ResidentForm(request.POST or None, initial=initial_of(site, resident))
    form.lock_contact(links_of(request.user, resident))
    if request.method == "POST" and form.is_valid():
        try:
            change_resident(
                actor=request.user,
                resident=resident,
                data=form.person_data(site),
                version=form.cleaned_data["version"],
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("installer:site", site.pk)
    context = {"site": site, "form": form, "resident": resident, "name": name}
    return render(request, "installer/residents/form.html", context)


@at_home_only
def resident_delete(
    request: StaffRequest, site_id: uuid.UUID, resident_id: int
) -> HttpResponse:
    resident = _person(request, site_id, resident_id)
    if resident.role == ResidentRole.MASTER:
        raise NotVisible
    name, now = resident.user.name, utcnow()
    form = TypedNameForm(request.POST or None, wanted=name)
    if request.method == "POST" and form.is_valid():
        let_member_go(actor=request.user, resident=resident, now=now)
        messages.success(request, _("%(name)s is deleted.") % {"name": name})
        return redirect("installer:site", site_id)
    context = {"site": resident.site, "form": form, "name": name}
    context["links"] = links_of(request.user, resident)
    context["keys"] = live_keys_of(resident, now).count()
    return render(request, "installer/residents/delete.html", context)


@require_POST
@installer_only
def resident_reset(
    request: StaffRequest, site_id: uuid.UUID, resident_id: int
) -> HttpResponse:
    resident = _person(request, site_id, resident_id)
    try:
        send_new_link(actor=request.user, resident=resident, now=utcnow())
    except TooManyTries:
        text = _("Enough links were sent to %(name)s. Try again in an hour.")
        messages.error(request, text % {"name": resident.user.name})
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, link_sent(resident.user))
    return redirect("installer:site", site_id)


def _person(request: StaffRequest, site_id: uuid.UUID, resident_id: int) -> Resident:
    site = get_visible_site(request.user, site_id)
    resident = get_person(site, resident_id)
    resident.site = site
    return resident
