"""Third-party cameras of a house: the list, the form, and the test (DEV-5)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from portico.devices.rules import why_no_test
from portico.devices.selectors import (
    bridge_of,
    camera_picture_file,
    cameras_of_site,
    get_visible_camera,
    latest_tests,
    third_party_cameras,
)
from portico.devices.services.cameras import (
    MOST,
    add_camera,
    change_camera,
    remove_camera,
    try_camera,
)
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.portals.installer.forms.camera import CameraForm
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.sites import site_context
from portico.portals.shared.forms import blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import plain
from portico.sites.enums import ResidentRole
from portico.sites.rules import premium_missing
from portico.sites.selectors import entitlements_of, get_visible_site, people_of

if TYPE_CHECKING:
    from portico.devices.models import Camera
    from portico.sites.models import Site


def _house(request: StaffRequest, site_id: uuid.UUID) -> Site:
    """:raises NotVisible: no house of this installer."""
    site = get_visible_site(request.user, site_id)
    if site.is_community:
        raise NotVisible
    return site


def _refusal(site: Site) -> str:
    """Why the house has no third-party cameras now; empty when it has."""
    return str(premium_missing(site, entitlements_of(site), utcnow()) or "")


def _owner(site: Site) -> str:
    masters = [p for p in people_of(site) if p.role == ResidentRole.MASTER]
    return masters[0].user.name if masters else site.name


def _part(site: Site, cameras: list[Camera]) -> dict[str, Any]:
    """What the cards of ``cameras`` need."""
    refusal = _refusal(site)
    return {
        "site": site,
        "tests": latest_tests(cameras),
        "refusal": refusal,
        "blocked": refusal or why_no_test(bridge_of(site)),
    }


@installer_only
def camera_list(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = _house(request, site_id)
    cameras = list(third_party_cameras(site))
    context = site_context(request, site_id, "devices") | _part(site, cameras)
    context |= {"cameras": cameras, "is_full": len(cameras) >= MOST, "most": MOST}
    return render(request, "installer/cameras/list.html", context)


@installer_only
def camera(request: StaffRequest, site_id: uuid.UUID, camera_id: int) -> HttpResponse:
    """The card of one camera; a POST tests it."""
    found = get_visible_camera(request.user, site_id, camera_id)
    if request.method != "POST":
        if not request.htmx:
            return redirect("installer:site_cameras", site_id)
        context = _part(found.site, [found]) | {"camera": found}
        return render(request, "installer/cameras/_camera.html", context)
    command = try_camera(
        actor=request.user,
        camera=found,
        idempotency_key=plain(request.POST.get("key", ""), 63),
        now=utcnow(),
    )
    if not request.htmx:
        return redirect("installer:site_cameras", site_id)
    return render(request, "installer/device/_order.html", {"command": command})


@installer_only
def camera_picture(
    request: StaffRequest, site_id: uuid.UUID, camera_id: int
) -> HttpResponse:
    found = get_visible_camera(request.user, site_id, camera_id)
    headers = {"Cache-Control": "private, no-store"}
    content = camera_picture_file(found)
    return HttpResponse(content, content_type="image/jpeg", headers=headers)


@installer_only
def camera_new(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = _house(request, site_id)
    form = _form(request, site)
    if request.method == "POST" and form.is_valid():
        try:
            added = add_camera(
                actor=request.user, site=site, data=form.camera_data(), now=utcnow()
            )
        except DomainError as error:
            blame(form, error)
        else:
            text = _("%(name)s is added. Test whether it shows a picture.")
            messages.success(request, text % {"name": added.name})
            return redirect("installer:site_cameras", site.pk)
    return _drawn(request, site, form)


@installer_only
def camera_edit(
    request: StaffRequest, site_id: uuid.UUID, camera_id: int
) -> HttpResponse:
    found = get_visible_camera(request.user, site_id, camera_id)
    form = _form(request, found.site, found)
    if request.method == "POST" and form.is_valid():
        try:
            change_camera(
                actor=request.user,
                camera=found,
                data=form.camera_data(),
                version=form.cleaned_data["version"],
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("installer:site_cameras", site_id)
    return _drawn(request, found.site, form, found)


def _form(
    request: StaffRequest, site: Site, camera: Camera | None = None
) -> CameraForm:
    doors = cameras_of_site(site)
    data = request.POST or None
    return CameraForm(data, owner=_owner(site), doors=doors, camera=camera)


def _drawn(
    request: StaffRequest, site: Site, form: CameraForm, camera: Camera | None = None
) -> HttpResponse:
    if form.errors:
        form.ask_password_again()
    context = {"site": site, "form": form, "camera": camera, "refusal": _refusal(site)}
    return render(request, "installer/cameras/form.html", context)


@installer_only
def camera_delete(
    request: StaffRequest, site_id: uuid.UUID, camera_id: int
) -> HttpResponse:
    found = get_visible_camera(request.user, site_id, camera_id)
    if request.method == "POST":
        name = found.name
        remove_camera(actor=request.user, camera=found, now=utcnow())
        messages.success(request, _("%(name)s is deleted.") % {"name": name})
        return redirect("installer:site_cameras", site_id)
    context = {"site": found.site, "camera": found}
    return render(request, "installer/cameras/delete.html", context)
