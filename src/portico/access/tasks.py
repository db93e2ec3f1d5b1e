from __future__ import annotations

import uuid

from portico.access.services import planning, syncing
from portico.devices.services.commands import SYNC_FAILED
from portico.kernel.clock import utcnow
from portico.kernel.queue import job
from portico.sites.services.residents import ACCESS_CHANGED


@job(ACCESS_CHANGED)
def plan(site_id: str) -> None:
    """Somebody came, left or has another name, or a door is another."""
    planning.plan_site_by_id(site_id=uuid.UUID(site_id), now=utcnow())


@job(SYNC_FAILED)
def order_failed(command_id: str) -> None:
    syncing.note_order_failed(command_id=uuid.UUID(command_id), now=utcnow())
