"""A message reaches its receivers: in batches, each durable, none twice.

Apps before monitors, by their numbers; where a killed worker stopped the next goes on.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from portico.devices.enums import DeviceKind
from portico.devices.models import Device
from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import enqueue
from portico.messaging.enums import MessageState, Receivers
from portico.messaging.models import Message, Receipt
from portico.messaging.selectors import sites_reached
from portico.sites.models import Resident, Site

# Some 50 ms of SQLite's only writer: a door that opens meanwhile does not wait.
BATCH = 200
# The job that does it, and how late it may be before it is ordered once more: its worker's
# clock may have been set back, so that it came too early.
SEND = "messaging.send"
LATE = timedelta(minutes=1)


def order_late(*, now: datetime) -> None:
    """See to it that no message waits for good."""
    late = Message.objects.filter(state=MessageState.SCHEDULED, send_at__lte=now - LATE)
    for pk in late.values_list("pk", flat=True):
        enqueue(SEND, unique_key=f"late-message:{pk}", message_id=str(pk))


@transaction.atomic
def send_batch(*, message_id: uuid.UUID, now: datetime) -> bool:
    """Reach the next receivers; whether there may be more.

    The first batch settles who receives it: whoever is there at that moment.
    """
    rows = Message.objects.select_for_update().filter(pk=message_id)
    message = rows.first()
    if message is None or message.state == MessageState.SENT or message.send_at > now:
        return False
    if message.sending_at is None:
        message.state, message.sending_at = MessageState.SENDING, now
    receipts = _next(message, now)
    Receipt.objects.bulk_create(receipts, ignore_conflicts=True)
    if not receipts:
        message.state, message.sent_at = MessageState.SENT, now
    message.save(
        update_fields=["state", "sending_at", "sent_at", "last_resident", "last_device"]
    )
    if any(receipt.device_id for receipt in receipts):
        publish_on_commit("messages.waiting")
    return bool(receipts)


def _next(message: Message, now: datetime) -> Sequence[Receipt]:
    sites = _sites(message)
    if message.to_apps and (people := list(_people(message, sites)[:BATCH])):
        message.last_resident = people[-1].pk
        return [_for_app(message, one, now) for one in people]
    if message.to_monitors and (units := list(_monitors(message, sites)[:BATCH])):
        message.last_device = units[-1].pk
        return [_for_monitor(message, one, now) for one in units]
    return []


def _sites(message: Message) -> QuerySet[Site]:
    rows = sites_reached(message)
    if message.receivers == Receivers.SITES:
        return rows.filter(pk__in=message.sites.values("pk"))
    if message.receivers == Receivers.ONE:
        return rows.filter(residents__in=[message.resident_id])
    return rows


def _people(message: Message, sites: QuerySet[Site]) -> QuerySet[Resident]:
    rows = Resident.objects.filter(
        site__in=sites, pk__gt=message.last_resident, created_at__lte=message.sending_at
    )
    if message.receivers == Receivers.ONE:
        rows = rows.filter(pk__in=[message.resident_id])
    return rows.select_related("user", "site").order_by("pk")


def _monitors(message: Message, sites: QuerySet[Site]) -> QuerySet[Device]:
    rows = Device.objects.filter(
        site__in=sites,
        kind=DeviceKind.INDOOR_MONITOR,
        pk__gt=message.last_device,
        created_at__lte=message.sending_at,
    )
    return rows.select_related("site").order_by("pk")


def _for_app(message: Message, resident: Resident, now: datetime) -> Receipt:
    site = resident.site
    return Receipt(
        message=message,
        site=site,
        resident=resident,
        name=resident.user.name or site.name,
        house=site.room_name,
        created_at=now,
        sent_at=now,
    )


def _for_monitor(message: Message, device: Device, now: datetime) -> Receipt:
    """It hangs in the house, and so speaks to the family."""
    return Receipt(
        message=message,
        site=device.site,
        device=device,
        name=device.site.name,
        house=device.site.room_name,
        device_name=device.name,
        created_at=now,
        due_at=now,
    )
