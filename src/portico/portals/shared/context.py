from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest

from portico.notices.selectors import unread_count
from portico.portals.shared.frame import Portal, left_column
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.selectors import reader_of

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
    return context | {
        "portal": portal,
        "space": portal.namespace,
        "organization": organization,
        "is_company_owner": (
            organization.kind == OrganizationKind.INSTALLER
            and membership.role == Role.OWNER
        ),
        "answers_for_company": membership.role in {Role.OWNER, Role.STAFF},
        "visit": request.visit,  # type: ignore[attr-defined]  # by guard
        "modules": left_column(
            portal, portal.modules, path=path, membership=membership
        ),
        "closing_modules": left_column(
            portal, portal.closing, path=path, membership=membership
        ),
        "live_stream": "/live/all",
        # Asked for by the bell alone, so that parts of pages cost nothing.
        "unread": lambda: unread_count(reader_of(membership)),
    }
