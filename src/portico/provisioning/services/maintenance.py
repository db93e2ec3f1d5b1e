"""Restart and reset a unit from afar, and how it talks SIP (REM-1).

Through the house's bridge at once; without one by a One-Time command, with the unit's next
fetch. Keys are those of exported templates; not verified on hardware.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.enums import (
    CommandChannel,
    CommandKind,
    DenialReason,
    SipTransport,
)
from portico.devices.models import Command, Device
from portico.devices.selectors import bridge_of
from portico.devices.services.orders import request_order
from portico.devices.services.registration import PUBLISH
from portico.kernel.queue import enqueue
from portico.provisioning.errors import BadTarget
from portico.provisioning.rules import BY_FILE
from portico.provisioning.selectors import sip_transports
from portico.provisioning.services.autop import send_lines


class QueuedLines:
    """No order to a bridge: the unit does it with its next file."""


@transaction.atomic
def maintain(
    *, actor: User, device: Device, kind: CommandKind, key: str, now: datetime
) -> Command | QueuedLines:
    """Restart or reset ``device``: an order to the bridge, or what its next file says.

    ``key`` is the form's own: the second click gives the same order.

    :raises BadTarget: without a bridge a unit's configuration alone cannot be reset.
    """
    bridge = bridge_of(device.site)
    if bridge is not None and bridge.enrolled_at is not None:
        return request_order(
            actor=actor,
            device=device,
            kind=kind,
            channel=CommandChannel.PORTAL,
            idempotency_key=key,
            now=now,
        )
    if kind not in BY_FILE:
        raise BadTarget(DenialReason.BRIDGE_NEEDED.label, field="kind")
    send_lines(actor=actor, device=device, lines=BY_FILE[kind], key=key, now=now)
    return QueuedLines()


@transaction.atomic
def set_transport(
    *, actor: User, device: Device, transport: SipTransport, now: datetime
) -> None:
    """Choose how ``device`` talks to the SIP server; it gets it with its next file.

    :raises BadTarget: the server of this installation does not speak it.
    """
    if transport not in sip_transports():
        raise BadTarget(
            _("The SIP server of this installation does not speak this."),
            field="transport",
        )
    rows = Device.objects.filter(pk=device.pk).exclude(sip_transport=transport)
    if not rows.update(sip_transport=transport):
        return
    enqueue(PUBLISH, unique_key=f"publish:{device.pk}", device_id=device.pk)
    record(
        actor=actor,
        action="device.transport_set",
        subject=device,
        organization_id=device.site.organization_id,
        site_id=device.site_id,
        before={"transport": device.sip_transport},
        after={"transport": str(transport)},
        now=now,
    )
