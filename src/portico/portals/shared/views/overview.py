"""What stands below a company, as the dashboards of distributors and the operator show it."""

from __future__ import annotations

from typing import Any

from portico.devices.selectors import devices_below, presence_counts
from portico.portals.shared.figures import company_bar, presence_bar
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.tables import kinds_below
from portico.portals.shared.views.companies import makes
from portico.sites.selectors import sites_below
from portico.support.selectors import unanswered_tickets
from portico.tenancy.selectors import (
    companies_below,
    company_counts,
    without_owner_yet,
)


def overview(request: StaffRequest) -> dict[str, Any]:
    """Counts of all companies below, and what waits for this one."""
    actor, portal = request.user, request.portal
    companies, presence = companies_below(actor), presence_counts(devices_below(actor))
    kinds = kinds_below(request.membership.organization.kind)
    todo = {
        "tickets": unanswered_tickets(actor).count(),
        "invitations": without_owner_yet(companies).count(),
    }
    return {
        "todo": todo,
        "companies": company_bar(
            company_counts(companies), kinds, portal.url("companies")
        ),
        "devices": presence_bar(presence, portal.url("devices")),
        "never_seen": presence.never_seen,
        "sites": sites_below(actor).count(),
        "makes": makes(request),
    }
