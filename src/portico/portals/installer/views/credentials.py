"""What the people of a house open with (LOG-1)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.access.enums import CredentialKind
from portico.access.photos import Photo, preview
from portico.access.rules import BY_BRIDGE
from portico.access.selectors import (
    access_by_device,
    credentials_of,
    face_of,
    get_credential,
    relays_of,
    schedules_of,
)
from portico.access.services.credentials import (
    add_credential,
    revoke_credential,
    shown_code,
)
from portico.devices.enums import AccessMethod
from portico.devices.selectors import bridge_of
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.portals.installer.forms.access import CredentialForm
from portico.portals.installer.frame import at_home_only
from portico.portals.shared.codes import not_kept, qr_picture
from portico.portals.shared.forms import blame
from portico.portals.shared.http import StaffRequest
from portico.sites.selectors import get_person, get_visible_site

if TYPE_CHECKING:
    from portico.sites.models import Resident

_MADE_UP = frozenset({CredentialKind.PIN, CredentialKind.QR, CredentialKind.BLUETOOTH})


@at_home_only
def person_access(
    request: StaffRequest, site_id: uuid.UUID, resident_id: int
) -> HttpResponse:
    resident = _person(request, site_id, resident_id)
    part = "installer/access/_credentials.html"
    page = "installer/access/person.html"
    return render(request, part if request.htmx else page, _context(resident))


@at_home_only
def credential_new(
    request: StaffRequest, site_id: uuid.UUID, resident_id: int, kind: str
) -> HttpResponse:
    if kind not in CredentialKind.values:
        raise NotVisible
    resident = _person(request, site_id, resident_id)
    of = CredentialKind(kind)
    method = AccessMethod.QR if of == CredentialKind.DYNAMIC_QR else of
    doors = [one for one in relays_of([resident.site]) if method in one.access_methods]
    schedules = schedules_of(resident.site)
    # A form without a field of its own is also sent.
    data = request.POST if request.method == "POST" else None
    form = CredentialForm(
        data, request.FILES or None, kind=of, relays=doors, schedules=schedules
    )
    context = {"site": resident.site, "resident": resident, "kind": of, "form": form}
    if request.method == "POST" and form.is_valid():
        try:
            made = add_credential(
                actor=request.user,
                resident=resident,
                data=form.credential_data(),
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            if of in _MADE_UP:
                context |= {"credential": made, "by_bridge": of in BY_BRIDGE}
                page = "installer/access/made.html"
                return not_kept(render(request, page, context))
            messages.success(request, _("Saved. The devices are told."))
            return redirect("installer:person_access", site_id, resident_id)
    context["doors"] = doors
    return render(request, "installer/access/credential_form.html", context)


@require_POST
@at_home_only
def credential_revoke(
    request: StaffRequest, site_id: uuid.UUID, resident_id: int, credential_id: int
) -> HttpResponse:
    resident = _person(request, site_id, resident_id)
    credential = get_credential(resident, credential_id)
    revoke_credential(actor=request.user, credential=credential, now=utcnow())
    messages.success(request, _("Revoked. The devices are told."))
    return redirect("installer:person_access", site_id, resident_id)


@at_home_only
def credential_qr(
    request: StaffRequest, site_id: uuid.UUID, resident_id: int, credential_id: int
) -> HttpResponse:
    """The dynamic QR code of this moment."""
    resident = _person(request, site_id, resident_id)
    code = shown_code(get_credential(resident, credential_id), utcnow())
    if not code:
        raise NotVisible
    return qr_picture(code)


@at_home_only
def credential_photo(
    request: StaffRequest, site_id: uuid.UUID, resident_id: int, credential_id: int
) -> HttpResponse:
    """A face, small: to tell whose it is."""
    resident = _person(request, site_id, resident_id)
    face = face_of(resident.site, get_credential(resident, credential_id).pk)
    if face is None:
        raise NotVisible
    picture = preview(Photo(face.jpeg))
    return not_kept(HttpResponse(picture, content_type="image/jpeg"))


def _person(request: StaffRequest, site_id: uuid.UUID, resident_id: int) -> Resident:
    site = get_visible_site(request.user, site_id)
    if site.is_community:
        raise NotVisible
    resident = get_person(site, resident_id)
    resident.site = site
    return resident


def _context(resident: Resident) -> dict[str, Any]:
    site = resident.site
    return {
        "site": site,
        "resident": resident,
        "credentials": credentials_of(resident),
        "accesses": access_by_device(site),
        "bridge": bridge_of(site),
        "kinds": CredentialKind.choices,
        "by_bridge": BY_BRIDGE,
        "live_stream": f"/live/site/{site.pk}",
    }
