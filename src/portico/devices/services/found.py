"""Units that a bridge found on its network and that nobody has added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from portico.devices.models import FoundUnit
from portico.devices.rules import is_home_address
from portico.devices.selectors import FOUND_FOR, live_bridge
from portico.kernel.outbox import publish_on_commit

# More units than anybody sets up in one house at once.
MOST_PER_SITE = 64


@dataclass(frozen=True, slots=True)
class FoundData:
    """One unit as the bridge reports it."""

    mac: str
    model: str
    firmware: str
    address: str
    seen_at: datetime


@transaction.atomic
def note_found(*, bridge_id: UUID, units: Sequence[FoundData], now: datetime) -> None:
    """Keep what the bridge has found at its house: the newest, each once.

    Units at addresses that are not of a home network are left out.
    """
    bridge = live_bridge(bridge_id)
    if bridge is None:
        return
    newest = {unit.mac: unit for unit in units if is_home_address(unit.address)}
    rows = [
        FoundUnit(
            site_id=bridge.site_id,
            mac=unit.mac,
            model=unit.model,
            firmware=unit.firmware,
            address=unit.address,
            seen_at=min(unit.seen_at, now),
        )
        for unit in newest.values()
    ]
    FoundUnit.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["site", "mac"],
        update_fields=["model", "firmware", "address", "seen_at"],
    )
    mine = FoundUnit.objects.filter(site=bridge.site_id)
    kept = mine.order_by("-seen_at", "-pk").values("pk")[:MOST_PER_SITE]
    mine.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
    publish_on_commit("units.found", site=str(bridge.site_id))


def forget_old_finds(*, now: datetime) -> None:
    """Delete what was last heard of too long ago to be still waiting."""
    FoundUnit.objects.filter(seen_at__lt=now - FOUND_FOR).delete()
