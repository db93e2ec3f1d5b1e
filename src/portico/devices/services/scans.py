"""Looking for units at a range of a house's addresses, through its bridge."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv4Address
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.devices.enums import BRIDGE_REASONS, DenialReason
from portico.devices.errors import BadAddress, BadScan, BridgeMissing
from portico.devices.models import Command, NetworkScan
from portico.devices.rules import check_lan_address
from portico.devices.selectors import bridge_of, commands_for
from portico.devices.services.orders import request_bridge_scan
from portico.sites.models import Site

# What a bridge takes, too: a minute's work, and more than a house has.
MOST_ADDRESSES = 1024


@transaction.atomic
def look_for_units(
    *,
    actor: User,
    site: Site,
    first: str,
    last: str,
    idempotency_key: str = "",
    now: datetime,
) -> Command:
    """Have the bridge of ``site`` ask every address from ``first`` to ``last`` who it is.

    Returns the order; while one is under way that one, whatever its range.

    :raises BadScan: with the field that is wrong.
    :raises BridgeMissing: the house has no bridge.
    :raises IdempotencyMismatch: the key was used for something else.
    """
    start, end = _address(first, "first"), _address(last, "last")
    if end < start:
        raise BadScan(_("This is before the first address."), field="last")
    if int(end) - int(start) >= MOST_ADDRESSES:
        text = _("At most %(most)s addresses at once.") % {"most": MOST_ADDRESSES}
        raise BadScan(text, field="last")
    bridge = bridge_of(site)
    if bridge is None or bridge.enrolled_at is None:
        raise BridgeMissing(BRIDGE_REASONS[DenialReason.BRIDGE_NEEDED])
    command = request_bridge_scan(
        actor=actor, bridge=bridge, idempotency_key=idempotency_key, now=now
    )
    NetworkScan.objects.get_or_create(
        command=command, defaults={"first": str(start), "last": str(end)}
    )
    return command


def note_scan(*, bridge_id: UUID, command_id: UUID, counts: Mapping[str, int]) -> None:
    """Keep what a look of this bridge's came to; numbers that it does not tell are 0."""
    mine = commands_for(bridge_id).filter(pk=command_id)
    names = ("answered", "new", "nameless")
    told = {name: min(counts.get(name, 0), MOST_ADDRESSES) for name in names}
    NetworkScan.objects.filter(command__in=mine).update(**told)


def _address(text: str, field: str) -> IPv4Address:
    try:
        return IPv4Address(check_lan_address(text))
    except BadAddress as error:
        raise BadScan(str(error), field=field) from None
