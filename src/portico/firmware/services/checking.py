"""What became of offers: in time, with the right version, and as the unit was before.

The version that a unit itself reports decides, not that an image was sent (FW-3). Then it
must be what it was: registered, its configuration fetched, its codes complete (FW-4).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import transaction

from portico.access.enums import SyncState
from portico.access.services.ordering import read_again
from portico.devices.enums import (
    CommandChannel,
    CommandKind,
    CommandState,
    DenialReason,
)
from portico.devices.models import Command, Device
from portico.devices.selectors import bridge_of
from portico.devices.services.commands import RESTART_WITHIN
from portico.devices.services.orders import request_order
from portico.events.selectors import called_since
from portico.firmware.enums import UpgradeState, Way, Why
from portico.firmware.models import DeviceUpgrade, UpgradeCampaign
from portico.firmware.services.apart import apart
from portico.firmware.services.moving import move
from portico.firmware.services.restoring import has_restored
from portico.firmware.services.retrying import CALL_QUIET, FILE_LOOK, came_to_nothing
from portico.firmware.states import TOUCHED
from portico.provisioning.enums import AutopState
from portico.provisioning.services.autop import withdraw_lines

LOOK_AGAIN: Final = timedelta(seconds=10)
# After an error of our own.
_TROUBLE_AGAIN: Final = timedelta(minutes=1)
# An order is answered within its ten seconds of life.
_ORDER_AGAIN: Final = timedelta(seconds=2)
# After the unit is back: it registers within a minute or two; its codes are read, and
# written if they are gone, which takes minutes with thousands of them.
VERIFY_WITHIN: Final = timedelta(minutes=30)
# From the new version on: a reset that does not get through is ordered again until then.
RESET_WITHIN: Final = timedelta(hours=2)
# Between the order to write and the restart it still answers.
_STILL_THERE: Final = timedelta(minutes=2)
_REASONS: Final = {
    "bridge_offline": Why.OFFLINE,
    "no_bridge": Why.OFFLINE,
    "bridge_needed": Why.OFFLINE,
    "expired": Why.OFFLINE,
    "device_offline": Why.OFFLINE,
    "unknown_device": Why.OFFLINE,
    "unauthorized": Why.UNAUTHORIZED,
    # A bridge of before firmware went through it.
    "bad_command": Why.NOT_SUPPORTED,
    "not_supported": Why.NOT_SUPPORTED,
}
_MAYBE_DONE: Final = (DenialReason.NO_ANSWER, DenialReason.UNKNOWN_OUTCOME)
_FAILED: Final = (CommandState.DENIED, CommandState.FAILED, CommandState.TIMED_OUT)


def check_flights(
    campaign: UpgradeCampaign, rows: Sequence[DeviceUpgrade], now: datetime
) -> None:
    """Look at those to which something is on its way, or in which something happens."""
    ids = {row.command_id for row in rows if row.state == UpgradeState.OFFERED}
    orders = Command.objects.in_bulk([pk for pk in ids if pk is not None])
    same: list[int] = []
    for row in rows:
        row.campaign = campaign
        order = orders.get(row.command_id) if row.command_id else None
        same += apart(
            partial(_check, row, order, now),
            partial(_troubled, row, now),
            upgrade=row.pk,
        )
    DeviceUpgrade.objects.filter(pk__in=same, is_claimed=True).update(
        next_at=now + LOOK_AGAIN
    )


def _check(row: DeviceUpgrade, order: Command | None, now: datetime) -> list[int]:
    """Its key, if it is to be looked at again soon."""
    if row.device is None or row.device.mac != row.device_mac:
        _gone(row, now)
    elif row.state == UpgradeState.OFFERED and row.way == Way.AUTOP:
        _check_line(row, now)
    elif row.state == UpgradeState.OFFERED:
        _check_order(row, order, now)
    elif row.state == UpgradeState.DOWNLOADING:
        take_back(row, _slow(row, now), now)
    elif row.state == UpgradeState.INSTALLING:
        return _check_install(row, row.device, now)
    else:
        return _verify(row, row.device, now)
    return []


def _troubled(row: DeviceUpgrade, now: datetime) -> list[int]:
    """It cannot be told how it stands: until its phase should have ended."""
    if row.deadline_at is None or now < row.deadline_at:
        again = DeviceUpgrade.objects.filter(pk=row.pk, is_claimed=True)
        again.update(next_at=now + _TROUBLE_AGAIN)
    elif row.state in TOUCHED:
        move([row], UpgradeState.FAILED, reason=Why.TROUBLE, now=now)
    else:
        move([row], UpgradeState.ABORTED, reason=Why.TROUBLE, now=now)
    return []


def _gone(row: DeviceUpgrade, now: datetime) -> None:
    """The unit was removed, or another stands in its place."""
    if row.state in TOUCHED:
        move([row], UpgradeState.FAILED, reason=Why.DEVICE_GONE, now=now)
    elif row.device is None:
        move([row], UpgradeState.CANCELLED, reason=Why.DEVICE_GONE, now=now)
    else:
        take_back(row, Why.RETRY, now)


@transaction.atomic
def take_back(row: DeviceUpgrade, why: Why, now: datetime) -> None:
    """End an offer before the point of no return."""
    item = row.autop_item_id
    if came_to_nothing(row, why, now=now) and item is not None:
        withdraw_lines(item_ids=[item], now=now)


def _slow(row: DeviceUpgrade, now: datetime) -> Why:
    if row.not_after is not None and now >= row.not_after:
        return Why.WINDOW
    return Why.BRIDGE_LOST if row.way == Way.BRIDGE else Why.DOWNLOAD_FAILED


def _check_line(row: DeviceUpgrade, now: datetime) -> None:
    """The image's address stands in the unit's file, or the unit has it already."""
    state = row.autop_item.state if row.autop_item is not None else AutopState.LOST
    if row.not_after is not None and now >= row.not_after:
        take_back(row, Why.WINDOW, now)
    elif row.deadline_at is not None and now >= row.deadline_at:
        take_back(row, Why.NOT_FETCHED, now)
    elif state == AutopState.WITHDRAWN:
        take_back(row, Why.TAKEN_OUT, now)
    elif state in {AutopState.LOST, AutopState.SUPERSEDED}:
        take_back(row, Why.RETRY, now)
    else:
        again = DeviceUpgrade.objects.filter(pk=row.pk, state=row.state)
        again.update(next_at=min(row.deadline_at or now, now + FILE_LOOK))


def _check_order(row: DeviceUpgrade, order: Command | None, now: datetime) -> None:
    is_late = row.deadline_at is not None and now >= row.deadline_at
    if row.not_after is not None and now >= row.not_after:
        take_back(row, Why.WINDOW, now)
    elif order is None or order.state in _FAILED:
        reason = order.reason if order is not None else ""
        take_back(row, _REASONS.get(reason, Why.UNREACHABLE), now)
    elif is_late:
        take_back(row, Why.BRIDGE_LOST, now)
    else:
        is_open = not order.is_finished
        again = now + _ORDER_AGAIN if is_open else row.deadline_at
        DeviceUpgrade.objects.filter(pk=row.pk, state=row.state).update(next_at=again)


def _check_install(row: DeviceUpgrade, device: Device, now: datetime) -> list[int]:
    if device.firmware == row.campaign.version.version:
        with transaction.atomic():
            if move(
                [row],
                UpgradeState.VERIFYING,
                now=now,
                verified_at=now,
                deadline_at=now + VERIFY_WITHIN,
                next_at=now,
            ):
                _look_at_codes(row, device, now)
        return []
    if row.deadline_at is None or now < row.deadline_at:
        return [row.pk]
    presence = getattr(device, "presence", None)
    seen_at = presence.last_seen_at if presence is not None else None
    begun = row.installing_at or now
    if seen_at is not None and seen_at > begun + _STILL_THERE:
        move([row], UpgradeState.FAILED, reason=Why.WRONG_VERSION, now=now)
    else:
        move([row], UpgradeState.TIMED_OUT, reason=Why.NO_ANSWER, now=now)
    return []


def _look_at_codes(row: DeviceUpgrade, device: Device, now: datetime) -> None:
    if row.had_credentials and not row.campaign.reset_after:
        read_again(device_id=device.pk, now=now)


def _verify(row: DeviceUpgrade, device: Device, now: datetime) -> list[int]:
    if row.campaign.reset_after and row.reset_at is None:
        _reset(row, device, now)
    elif row.reset_at is not None and _reset_failed(row, device, now):
        DeviceUpgrade.objects.filter(pk=row.pk).update(reset_at=None)
    elif (lacking := _lacking(row, device, now)) is None:
        move([row], UpgradeState.SUCCEEDED, now=now)
        return []
    elif row.deadline_at is not None and now >= row.deadline_at:
        move([row], UpgradeState.FAILED, reason=lacking, now=now)
        return []
    return [row.pk]


def _reset(row: DeviceUpgrade, device: Device, now: datetime) -> None:
    """Order the reset, when the bridge is there and nobody is calling."""
    bridge = bridge_of(device.site)
    in_call = called_since({device.site_id}, now - CALL_QUIET)
    last = (row.verified_at or now) + RESET_WITHIN
    if now >= last:
        move([row], UpgradeState.FAILED, reason=Why.NO_CONFIGURATION, now=now)
    if now >= last or bridge is None or not bridge.is_online or in_call:
        return
    with transaction.atomic():
        rows = DeviceUpgrade.objects.filter(pk=row.pk, state=row.state, reset_at=None)
        until = min(now + VERIFY_WITHIN, last)
        if rows.update(reset_at=now, deadline_at=until):
            order = request_order(
                actor=None,
                device=device,
                kind=CommandKind.RESET_FACTORY,
                channel=CommandChannel.SYSTEM,
                now=now,
            )
            # Somebody may have ordered one a moment before: then it is that one.
            begun = DeviceUpgrade.objects.filter(pk=row.pk)
            begun.update(reset_at=min(now, order.requested_at))


def _reset_order(row: DeviceUpgrade, device: Device) -> Command | None:
    orders = Command.objects.filter(
        device=device, kind=CommandKind.RESET_FACTORY, requested_at__gte=row.reset_at
    )
    return orders.order_by("-requested_at").first()


def _reset_failed(row: DeviceUpgrade, device: Device, now: datetime) -> bool:
    order = _reset_order(row, device)
    if order is None:
        return True
    # A unit that was told and did not answer may be resetting: it is not told again.
    is_unsure = (
        order.reason in _MAYBE_DONE and now < order.requested_at + RESTART_WITHIN
    )
    return order.state in _FAILED and not is_unsure


def _lacking(row: DeviceUpgrade, device: Device, now: datetime) -> Why | None:
    """What the unit was before, and is not yet again; None: nothing."""
    since = row.installing_at or now
    if row.reset_at is not None:
        order = _reset_order(row, device)
        if order is None or order.state != CommandState.CONFIRMED:
            return Why.NO_CONFIGURATION
        since = order.confirmed_at or row.reset_at
        if not _has_settings(row.reset_at, device):
            return Why.NO_CONFIGURATION
        if not has_restored(row, device, now):
            return Why.NO_CONFIGURATION
    presence = getattr(device, "presence", None)
    # What was noted of the version before is forgotten with it: a unit registers long
    # into its writing.
    sip_at = presence.sip_at if presence is not None else None
    if row.had_sip and (sip_at is None or sip_at <= since):
        return Why.NO_SIP
    if row.had_credentials and not _has_codes(row, device):
        return Why.NO_CREDENTIALS
    return None


def _has_settings(since: datetime, device: Device) -> bool:
    file = getattr(device, "provisioning_file", None)
    if file is None or file.fetched_at is None:
        return False
    return file.fetched_at > since and bool(file.is_fetched)


def _has_codes(row: DeviceUpgrade, device: Device) -> bool:
    access = getattr(device, "access", None)
    since = row.reset_at or row.verified_at
    return (
        access is not None
        and since is not None
        and access.state == SyncState.DONE
        and access.confirmed_at is not None
        and access.confirmed_at > since
    )
