from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest

from portico.portals.shared.frame import Portal, left_column

if TYPE_CHECKING:
    from portico.tenancy.models import Membership


def frame(request: HttpRequest) -> dict[str, Any]:
    """What the frame of every page needs."""
    context: dict[str, Any] = {"is_demo": settings.DEMO}
    portal: Portal | None = getattr(request, "portal", None)
    if portal is None:
        return context
    membership: Membership = request.membership  # type: ignore[attr-defined]  # by guard
    organization, path = membership.organization, request.path
    kind = organization.kind
    return context | {
        "portal": portal,
        "organization": organization,
        "modules": left_column(portal, portal.modules, path=path, kind=kind),
        "closing_modules": left_column(portal, portal.closing, path=path, kind=kind),
        "live_stream": "/live/all" if portal.namespace == "installer" else "",
    }
