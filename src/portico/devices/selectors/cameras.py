"""Third-party cameras: scope first, shape second."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.core.files.storage import default_storage
from django.db.models import OuterRef, QuerySet, Subquery

from portico.accounts.models import User
from portico.devices.models import Camera, Command
from portico.kernel.errors import NotVisible
from portico.sites.enums import SiteKind
from portico.sites.models import Site
from portico.sites.selectors import visible_rows


def visible_cameras(actor: User) -> QuerySet[Camera]:
    """Cameras ``actor`` may manage; the way in to ``Camera`` for staff."""
    cameras = Camera.objects.select_related("site", "picture")
    houses = cameras.filter(site__kind=SiteKind.SINGLE_FAMILY)
    return visible_rows(actor, houses, "site__")


def get_visible_camera(actor: User, site_id: uuid.UUID, camera_id: int) -> Camera:
    """One camera of a house.

    :raises NotVisible: it is unknown, of another house, or not for this actor.
    """
    found = visible_cameras(actor).filter(pk=camera_id, site=site_id).first()
    if found is None:
        raise NotVisible
    return found


def third_party_cameras(site: Site) -> QuerySet[Camera]:
    """The cameras of a house that the caller has been shown, with what they show."""
    return (
        Camera.objects.filter(site=site)
        .select_related("site", "picture")
        .prefetch_related("linked")
        .order_by("name", "pk")
    )


def app_cameras(site: Site) -> QuerySet[Camera]:
    """Those that stand in the app by themselves (DEV-5).

    A camera that is linked is seen from the door phone's view.
    """
    cameras = Camera.objects.filter(site=site, monitor_in_app=True, linked=None)
    return cameras.order_by("name", "pk")


def latest_tests(cameras: Sequence[Camera]) -> dict[int, Command]:
    """The newest test of each of ``cameras`` that was tested."""
    newest = Command.objects.filter(camera=OuterRef("camera")).order_by("-requested_at")
    found = Command.objects.filter(
        camera__in=cameras, pk=Subquery(newest.values("pk")[:1])
    )
    return {c.camera_id: c for c in found if c.camera_id is not None}


def camera_picture_file(camera: Camera) -> bytes:
    """The JPEG itself.

    :raises NotVisible: there is none.
    """
    picture = getattr(camera, "picture", None)
    if picture is None:
        raise NotVisible
    try:
        with default_storage.open(picture.file) as file:
            content: bytes = file.read()
    except OSError:  # a newer one has just taken its place
        raise NotVisible from None
    return content
