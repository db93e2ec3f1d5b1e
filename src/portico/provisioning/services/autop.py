"""AutoP commands to one device or many: ordered, put into files, fetched (PRV-2 to 4).

One-Time commands stand in a device's file until it was fetched once; Regular ones stay
in every file until newer ones take their place.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from portico.access.services.ordering import read_again
from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.models import Device
from portico.devices.selectors import visible_devices
from portico.devices.services.orders import SYSTEM_NAME
from portico.devices.services.registration import PUBLISH
from portico.kernel.errors import NotVisible
from portico.kernel.ids import new_id
from portico.kernel.queue import enqueue
from portico.kernel.rows import hold
from portico.protocols.autop.grammar import parse
from portico.protocols.autop.guard import Danger, danger_of
from portico.provisioning.commands import (
    MAX_BYTES,
    MAX_LINES,
    is_overridden,
    merged,
    read_commands,
)
from portico.provisioning.enums import OPEN, AutopKind, AutopState
from portico.provisioning.errors import BadTarget
from portico.provisioning.models import AutopItem, AutopOrder, ProvisioningFile
from portico.provisioning.selectors import live_items
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.models import Organization
from portico.tenancy.selectors import organization_of

# Chosen one by one; more go by a filter, in waves.
MOST_CHOSEN = 500
# Of a tag; enough to tell the files of one device apart.
_TAG = 16
_MOST_TAGS = 40
# Tokens of orders that no form of commands has made.
_OWN = uuid.UUID("8f1c7d0e-9a35-4d0b-9f2f-3a6e0c5b1d77")
# Devices whose waves begin in one run.
BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AutopData:
    """What the form of AutoP commands holds.

    ``replaces``: Regular commands that the devices have end, all of them.
    ``is_confirmed``: dangerous One-Time commands are meant.
    ``token``: the form's own; sent twice it is one order.
    """

    kind: AutopKind
    text: str
    replaces: bool = False
    is_confirmed: bool = False
    token: uuid.UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Waves:
    """An order to many goes to ``size`` devices at a time, ``minutes`` apart."""

    size: int
    minutes: int


@transaction.atomic
def order_commands(
    *,
    actor: User,
    devices: Collection[int],
    data: AutopData,
    waves: Waves | None = None,
    now: datetime,
) -> AutopOrder:
    """Send ``data`` to devices that ``actor`` may manage.

    Without ``waves`` to at most 500, at once.

    :raises BadCommands, NeedsConfirmation: see :func:`read_commands`.
    :raises BadTarget: no device, too many, or one whose file would grow too long.
    :raises NotVisible: one of them is not his.
    """
    company = hold(organization_of(actor, OrganizationKind.INSTALLER))
    known = AutopOrder.objects.filter(token=data.token, organization=company).first()
    if known is not None:
        return known
    wanted = set(devices)
    if not wanted:
        raise BadTarget(_("Choose at least one device."))
    if waves is None and len(wanted) > MOST_CHOSEN:
        text = _("At most %(count)d devices at a time; more go by a filter, in waves.")
        raise BadTarget(text % {"count": MOST_CHOSEN})
    ends_only = data.replaces and not data.text.strip()
    if not ends_only:
        read_commands(data.text, kind=data.kind, is_confirmed=data.is_confirmed)
    mine = visible_devices(actor)
    targets = [
        device
        for part in _chunks(sorted(wanted))
        for device in mine.filter(pk__in=part)
    ]
    if len(targets) != len(wanted):
        raise NotVisible
    targets.sort(key=lambda device: (device.name, device.pk))
    return _send(actor, company, targets, data=data, waves=waves, now=now)


@transaction.atomic
def send_lines(
    *,
    actor: User | None,
    device: Device,
    lines: dict[str, str],
    key: str,
    now: datetime,
) -> AutopItem:
    """Portico's own One-Time commands to one device, unasked; the item of it.

    The same ``key`` for the same device is the same order. ``actor`` None: Portico itself.
    """
    token = uuid.uuid5(_OWN, f"{device.pk}:{key}") if key else new_id()
    known = AutopItem.objects.filter(order__token=token, device=device).first()
    if known is not None:
        return known
    data = AutopData(
        kind=AutopKind.ONE_TIME,
        text="\n".join(f"{name} = {value}" for name, value in lines.items()),
        is_confirmed=True,
        token=token,
    )
    order = _send(
        actor, device.site.organization, [device], data=data, waves=None, now=now
    )
    return order.items.get()


def _send(
    actor: User | None,
    company: Organization,
    targets: Sequence[Device],
    *,
    data: AutopData,
    waves: Waves | None,
    now: datetime,
) -> AutopOrder:
    order = AutopOrder.objects.create(
        organization=company,
        kind=data.kind,
        text=data.text,
        replaces=data.replaces,
        ordered_by=actor,
        ordered_by_name=str(actor.name or actor)[:127] if actor else SYSTEM_NAME,
        token=data.token,
        created_at=now,
    )
    # Held in one order: two such orders must not wait for each other.
    for part in _chunks(sorted(device.pk for device in targets)):
        list(Device.objects.select_for_update().filter(pk__in=part).order_by("pk"))
    size = waves.size if waves else len(targets)
    items = []
    for place, device in enumerate(targets):
        later = timedelta(minutes=waves.minutes * (place // size)) if waves else None
        items.append(
            AutopItem(
                order=order,
                device=device,
                kind=order.kind,
                state=AutopState.WAITING if later else AutopState.QUEUED,
                due_at=now + (later or timedelta()),
            )
        )
    AutopItem.objects.bulk_create(items, batch_size=500)
    first = [item.device_id for item in items if item.state == AutopState.QUEUED]
    _take_effect(order, first, now)
    record(
        actor=actor,
        action="autop.ordered",
        subject=order,
        organization_id=company.pk,
        site_id=targets[0].site_id if len(targets) == 1 else None,
        after={
            "kind": str(order.kind),
            "keys": sorted(parse(order.text).settings)[:50],
            "devices": len(targets),
            "first": [str(device) for device in targets[:5]],
        },
        now=now,
    )
    return order


def _take_effect(order: AutopOrder, device_ids: Collection[int], now: datetime) -> None:
    """The commands of ``order`` stand in the files of these devices from now on."""
    for chunk in _chunks(sorted(device_ids)):
        _end_older(order, chunk, now)
        for device_id in chunk:
            _publish(device_id)


def _end_older(order: AutopOrder, device_ids: Sequence[int], now: datetime) -> None:
    """Older commands of which nothing counts any more are superseded.

    :raises BadTarget: the Regular commands of a device would grow too long.
    """
    mine = parse(order.text).settings
    texts: dict[uuid.UUID, dict[str, str]] = {}
    held: dict[int, list[AutopItem]] = defaultdict(list)
    for item in live_items(device_ids).filter(kind=order.kind).exclude(order=order):
        if item.order_id not in texts:
            texts[item.order_id] = parse(item.order.text).settings
        if item.order.created_at <= order.created_at:
            held[item.device_id].append(item)
    over: list[int] = []
    for items in held.values():
        newer, left = dict(mine), []
        for item in reversed(items):
            keys = texts[item.order_id]
            if order.replaces or is_overridden(keys, newer):
                over.append(item.pk)
            else:
                left.append(keys)
            newer = merged([keys, newer])
        _check_room(items[0].device, [*reversed(left), mine])
    AutopItem.objects.filter(pk__in=over).update(
        state=AutopState.SUPERSEDED, ended_at=now
    )


def _check_room(device: Device, files: Sequence[dict[str, str]]) -> None:
    whole = merged(files)
    size = sum(len(key) + len(value.encode()) + 4 for key, value in whole.items())
    if len(whole) > MAX_LINES or size > MAX_BYTES:
        text = _(
            "%(device)s would have more than %(lines)d commands, or more than %(size)d KB"
            " of them. Replace those that it has."
        )
        known = {"lines": MAX_LINES, "size": MAX_BYTES // 1024, "device": device.name}
        raise BadTarget(text % known)


def _publish(device_id: int) -> None:
    enqueue(PUBLISH, unique_key=f"publish:{device_id}", device_id=device_id)


def _chunks(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]


@transaction.atomic
def withdraw(*, actor: User, order: AutopOrder, now: datetime) -> int:
    """Take ``order`` back where nobody has fetched it yet; returns at how many devices.

    Regular commands that were fetched stay: newer ones take their place.
    """
    items = AutopItem.objects.filter(order=order, state__in=OPEN)
    devices = list(items.values_list("device", flat=True))
    AutopItem.objects.filter(order=order, state__in=OPEN).update(
        state=AutopState.WITHDRAWN, ended_at=now
    )
    for device_id in devices:
        _publish(device_id)
    if devices:
        record(
            actor=actor,
            action="autop.withdrawn",
            subject=order,
            organization_id=order.organization_id,
            after={"devices": len(devices)},
            now=now,
        )
    return len(devices)


@transaction.atomic
def withdraw_lines(*, item_ids: Collection[int], now: datetime) -> None:
    """Take Portico's own commands out of the files again where nobody has fetched them."""
    items = AutopItem.objects.filter(pk__in=item_ids, state__in=OPEN)
    devices = list(items.values_list("device", flat=True))
    items.update(state=AutopState.WITHDRAWN, ended_at=now)
    for device_id in devices:
        _publish(device_id)


@transaction.atomic
def begin_waves(*, now: datetime) -> int:
    """Put the commands whose wave is due into the devices' files; returns how many."""
    due = AutopItem.objects.filter(state=AutopState.WAITING, due_at__lte=now)
    items = list(due.select_related("order").order_by("due_at", "pk")[:BATCH])
    begun: dict[uuid.UUID, list[int]] = defaultdict(list)
    orders = {item.order_id: item.order for item in items}
    for item in items:
        waiting = AutopItem.objects.filter(pk=item.pk, state=AutopState.WAITING)
        if waiting.update(state=AutopState.QUEUED):
            begun[item.order_id].append(item.device_id)
    for order_id, devices in begun.items():
        _take_wave(orders[order_id], devices, now)
    return sum(map(len, begun.values()))


def _take_wave(order: AutopOrder, devices: Sequence[int], now: datetime) -> None:
    try:
        with transaction.atomic():
            _take_effect(order, devices, now)
    except BadTarget:
        # Somebody gave one of them other commands meanwhile; one by one the rest has room.
        for device_id in devices:
            _take_alone(order, device_id, now)


def _take_alone(order: AutopOrder, device_id: int, now: datetime) -> None:
    try:
        with transaction.atomic():
            _take_effect(order, [device_id], now)
    except BadTarget:
        AutopItem.objects.filter(order=order, device=device_id).update(
            state=AutopState.WITHDRAWN, ended_at=now
        )


# What files and devices make of them.


def carried(*, device: Device, etag: str) -> None:
    """The file of ``device`` with ``etag`` holds its commands; whoever fetches it has them."""
    queued = AutopItem.objects.filter(device=device, state=AutopState.QUEUED)
    for item in queued:
        tags = item.carried_by.split()
        if etag[:_TAG] not in tags:
            kept = " ".join([*tags, etag[:_TAG]][-_MOST_TAGS:])
            AutopItem.objects.filter(pk=item.pk).update(carried_by=kept)


def note_commands_fetched(*, device_id: int, etag: str, at: datetime) -> None:
    """The device has fetched the file with ``etag`` in full."""
    queued = AutopItem.objects.filter(
        device=device_id, state=AutopState.QUEUED, carried_by__contains=etag[:_TAG]
    )
    items = list(queued.select_related("order"))
    queued.update(state=AutopState.FETCHED, fetched_at=at)
    once = [item for item in items if item.kind == AutopKind.ONE_TIME]
    if once:  # they are to be gone from the file
        _publish(device_id)
    if any(_resets(item) for item in once):
        note_reset(device_id=device_id, now=at)


def _resets(item: AutopItem) -> bool:
    settings = parse(item.order.text).settings
    return any(
        danger_of(key) == Danger.RESET and value not in {"", "0"}
        for key, value in settings.items()
    )


@transaction.atomic
def reset_by_hand(*, actor: User, device: Device, now: datetime) -> None:
    """Somebody says that he has reset the unit itself."""
    note_reset(device_id=device.pk, now=now)
    record(
        actor=actor,
        action="device.was_reset",
        subject=device,
        organization_id=device.site.organization_id,
        site_id=device.site_id,
        now=now,
    )


@transaction.atomic
def note_reset(*, device_id: int, now: datetime) -> None:
    """The device has lost what it was told (PRV-4).

    One-Time commands that wait are dropped; all others come to it again, with the first
    file that it fetches.
    """
    lost = AutopItem.objects.filter(
        device=device_id, kind=AutopKind.ONE_TIME, state__in=OPEN
    )
    lost.update(state=AutopState.LOST, ended_at=now)
    AutopItem.objects.filter(
        device=device_id, kind=AutopKind.REGULAR, state=AutopState.FETCHED
    ).update(state=AutopState.QUEUED, fetched_at=None, carried_by="")
    ProvisioningFile.objects.filter(device=device_id).update(
        fetched_at=None,
        fetched_revision="",
        applied_at=None,
        applied_revision="",
    )
    read_again(device_id=device_id, now=now)
    _publish(device_id)
