"""The distributor's session while it is in an installer's portal (SET-8)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from django.http import HttpRequest

from portico.kernel.clock import utcnow
from portico.kernel.context import origin
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.selectors import VISIT_KEY, open_visit, visiting

if TYPE_CHECKING:
    from portico.accounts.models import User
    from portico.portals.shared.frame import Portal
    from portico.tenancy.models import PortalVisit


def start_visit(request: HttpRequest, visit: PortalVisit) -> None:
    """From now on the installer's pages show that company to this session."""
    request.session[VISIT_KEY] = visit.pk


def current_visit(request: HttpRequest) -> PortalVisit | None:
    """The visit that this session is on, if it still holds."""
    visit_id = request.session.get(VISIT_KEY)
    if visit_id is None:
        return None
    return open_visit(cast("User", request.user), visit_id, utcnow())


def stop_visit(request: HttpRequest) -> bool:
    """Close the installer's pages to this session; whether it was on a visit."""
    return request.session.pop(VISIT_KEY, None) is not None


@contextmanager
def as_visitor(request: HttpRequest, portal: Portal) -> Iterator[PortalVisit | None]:
    """Act as the visitor until the block ends, where the session is on a visit.

    Only in the installer's portal: everywhere else the person is himself.
    """
    is_for = OrganizationKind.INSTALLER in portal.kinds
    visit = current_visit(request) if is_for else None
    if visit is None:
        yield None
        return
    where = replace(origin.get(), on_behalf_of=visit.organization_id)
    token = origin.set(where)
    try:
        with visiting(visit):
            yield visit
    finally:
        origin.reset(token)
