"""Which of the devices whose turn it is may be offered the version now, and the offer."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.db import IntegrityError, transaction

from portico.access.enums import SyncState
from portico.devices.enums import CommandChannel, CommandKind, CommandState
from portico.devices.models import Bridge, Device
from portico.devices.selectors import bridges_by_site
from portico.devices.services.orders import request_order
from portico.events.selectors import called_since
from portico.firmware.enums import CampaignState, UpgradeState, Way, Why
from portico.firmware.models import DeviceUpgrade, UpgradeCampaign
from portico.firmware.rules import FOREVER, Hours, open_until, opens_at, unfit
from portico.firmware.services.apart import apart
from portico.firmware.services.delivery import image_address
from portico.firmware.services.moving import let_go, move
from portico.firmware.services.retrying import (
    AFTER_CALL,
    CALL_QUIET,
    FILE_LOOK,
    LOOK_FOR,
    came_to_nothing,
)
from portico.firmware.states import FLYING
from portico.provisioning.errors import BadTarget
from portico.provisioning.services.autop import send_lines
from portico.sites.models import Site

# A bridge has taken an order within seconds, or not at all.
BRIDGE_WITHIN: Final = timedelta(minutes=3)
# Units that fetch their file by themselves do so every hour, some once a day.
AUTOP_WITHIN: Final = timedelta(hours=48)
# A unit that fetches its file makes room in it.
FILE_FULL: Final = timedelta(minutes=30)
# Units register once an hour at the latest.
SIP_FRESH: Final = timedelta(minutes=70)
FIRMWARE_KEY: Final = "Config.Firmware.Url"

_Verdict = tuple[UpgradeState, str, datetime | None]
_Wait = tuple[Why, datetime]


class _NotNow(Exception):
    """The offer did not come about; the device waits."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


class Offering:
    """A look at devices of one campaign, with what all of them need read once."""

    def __init__(
        self,
        campaign: UpgradeCampaign,
        rows: Sequence[DeviceUpgrade],
        now: datetime,
        *,
        most: int,
    ) -> None:
        """``most``: offers; whoever is due and gets none now stays due."""
        self._left = most
        self._campaign = campaign
        self._rows = rows
        self._now = now
        sites = {row.device.site_id for row in rows if row.device is not None}
        self._bridges = bridges_by_site(sites)
        self._in_call = called_since(sites, now - CALL_QUIET)
        self._busy = self._busy_doors(sites)
        self._hours = hours_of(campaign)

    @staticmethod
    def _busy_doors(sites: set[uuid.UUID]) -> set[uuid.UUID]:
        flying = DeviceUpgrade.objects.filter(
            site__in=sites, state__in=FLYING, is_entrance=True
        )
        return set(flying.values_list("site", flat=True))

    def run(self) -> int:
        """Offer to those that may have it; the others wait, or are left alone.

        Returns how many offers were tried.
        """
        most = self._left
        told: defaultdict[_Verdict, list[DeviceUpgrade]] = defaultdict(list)
        for row in self._rows:
            row.campaign = self._campaign
            verdict = apart(
                partial(self._verdict, row),
                partial(self._troubled, row),
                upgrade=row.pk,
            )
            if verdict[0] != UpgradeState.OFFERED:
                told[verdict].append(row)
        for (state, reason, again), rows in told.items():
            if state == UpgradeState.WAITING:
                self._wait(rows, reason, again)
            else:
                move(rows, state, reason=reason, now=self._now)
        return most - self._left

    def _troubled(self, row: DeviceUpgrade) -> _Verdict:
        """Tried again a few times, then left alone: the others do not wait for it."""
        came_to_nothing(row, Why.TROUBLE, now=self._now)
        return (UpgradeState.OFFERED, "", None)

    def _wait(
        self, rows: Sequence[DeviceUpgrade], reason: str, again: datetime | None
    ) -> None:
        waiting = UpgradeState.WAITING
        known = [row for row in rows if (row.state, row.reason) == (waiting, reason)]
        news = [row for row in rows if (row.state, row.reason) != (waiting, reason)]
        DeviceUpgrade.objects.filter(
            pk__in=[row.pk for row in known], state=waiting, reason=reason
        ).update(next_at=again)
        if news:
            move(news, waiting, reason=reason, now=self._now, next_at=again)
        patience = timedelta(hours=self._campaign.patience_hours)
        begun = {wave.pk: wave.started_at for wave in self._campaign.waves.all()}
        late = [
            row
            for row in rows
            if not row.is_late
            and (at := begun.get(row.wave_id)) is not None
            and at + patience <= self._now
        ]
        if late:
            let_go(late)

    def _verdict(self, row: DeviceUpgrade) -> _Verdict:
        device = row.device
        if device is None:
            return (UpgradeState.CANCELLED, Why.DEVICE_GONE, None)
        campaign = self._campaign
        told = unfit(
            model=device.model,
            firmware=device.firmware,
            for_model=campaign.version.model,
            version=campaign.version.version,
            allow_downgrade=campaign.allow_downgrade,
            loses_way=campaign.reset_after and self._bridge(device) is None,
        )
        if told is not None:
            return (*told, None)
        begun = campaign.started_at or self._now
        if self._now >= begun + timedelta(days=campaign.horizon_days):
            return (UpgradeState.ABORTED, row.reason or Why.OFFLINE, None)
        wait = self._by_clock(row, device.site) or self._by_house(row, device)
        if wait is not None:
            return (UpgradeState.WAITING, *wait)
        if self._left <= 0:
            return (UpgradeState.OFFERED, "", None)
        self._left -= 1
        return self._offer(row, device)

    def _by_clock(self, row: DeviceUpgrade, site: Site) -> _Wait | None:
        now = self._now
        if now < row.not_before:
            return (Why.WINDOW, row.not_before)
        if self._hours and open_until(self._hours, site.time_zone, now) is None:
            return (Why.WINDOW, opens_at(self._hours, site.time_zone, now))
        return None

    def _by_house(self, row: DeviceUpgrade, device: Device) -> _Wait | None:
        now, bridge = self._now, self._bridge(device)
        presence = getattr(device, "presence", None)
        is_there = presence is not None and presence.is_online
        if not is_there or (bridge is not None and not bridge.is_online):
            return (Why.OFFLINE, now + LOOK_FOR)
        if not device.firmware:
            return (Why.UNKNOWN_VERSION, now + LOOK_FOR)
        if device.site_id in self._in_call:
            return (Why.IN_CALL, now + AFTER_CALL)
        if row.is_entrance and device.site_id in self._busy:
            return (Why.OTHER_DOOR, now + LOOK_FOR)
        return None

    def _bridge(self, device: Device) -> Bridge | None:
        return self._bridges.get(device.site_id)

    def _offer(self, row: DeviceUpgrade, device: Device) -> _Verdict:
        by_file = self._bridge(device) is None or row.reason == Why.NOT_SUPPORTED
        try:
            with transaction.atomic():
                if not self._still_runs():
                    return (UpgradeState.OFFERED, "", None)
                if by_file:
                    self._by_file(row, device)
                else:
                    self._by_bridge(row, device)
        except _NotNow as error:
            return (UpgradeState.WAITING, error.why, self._now + LOOK_FOR)
        except IntegrityError:  # another worker's offer to another entrance was quicker
            return (UpgradeState.WAITING, Why.OTHER_DOOR, self._now + LOOK_FOR)
        except BadTarget:  # its file is full of commands that it has not fetched
            return (UpgradeState.WAITING, Why.RETRY, self._now + FILE_FULL)
        if row.is_entrance:
            self._busy.add(device.site_id)
        return (UpgradeState.OFFERED, "", None)

    def _still_runs(self) -> bool:
        """Held until the offer is written: who pauses after that takes it back."""
        rows = UpgradeCampaign.objects.select_for_update(no_key=True).filter(
            pk=self._campaign.pk, state=CampaignState.RUNNING
        )
        return rows.first() is not None

    def _by_bridge(self, row: DeviceUpgrade, device: Device) -> None:
        """:raises _NotNow: the bridge was away just now, or has another upgrade's order."""
        command = request_order(
            actor=None,
            device=device,
            kind=CommandKind.UPGRADE_FIRMWARE,
            channel=CommandChannel.SYSTEM,
            now=self._now,
        )
        if command.state != CommandState.REQUESTED:
            raise _NotNow(Why.OFFLINE)
        if DeviceUpgrade.objects.filter(command_id=command.pk).exists():
            raise _NotNow(Why.RETRY)
        self._move(row, device, Way.BRIDGE, command_id=command.pk)

    def _by_file(self, row: DeviceUpgrade, device: Device) -> None:
        """:raises BadTarget: there is no room in its file."""
        moved = self._move(row, device, Way.AUTOP)
        for held in moved:
            held.campaign = self._campaign
            address = image_address(held, until=held.deadline_at or self._now)
            item = send_lines(
                actor=self._campaign.created_by,
                device=device,
                lines={FIRMWARE_KEY: address},
                key=f"upgrade:{held.pk}:{held.attempt}",
                now=self._now,
            )
            DeviceUpgrade.objects.filter(pk=held.pk).update(autop_item=item)

    def _move(
        self, row: DeviceUpgrade, device: Device, way: Way, **fields: Any
    ) -> list[DeviceUpgrade]:
        now = self._now
        end = open_until(self._hours, device.site.time_zone, now) or now
        within = AUTOP_WITHIN if way == Way.AUTOP else BRIDGE_WITHIN
        deadline = min(now + within, end)
        presence = getattr(device, "presence", None)
        sip_at = presence.sip_at if presence is not None else None
        return move(
            [row],
            UpgradeState.OFFERED,
            now=now,
            way=way,
            attempt=row.attempt + 1,
            not_after=None if end == FOREVER else end,
            deadline_at=deadline,
            next_at=min(deadline, now + FILE_LOOK) if way == Way.AUTOP else now,
            device_mac=device.mac,
            device_name=device.name,
            from_version=device.firmware,
            had_sip=sip_at is not None and now - sip_at < SIP_FRESH,
            had_credentials=self._codes_on(device),
            bytes_sent=0,
            offered_at=now,
            **fields,
        )

    def _codes_on(self, device: Device) -> int:
        """How many entries it holds, where that is known and can be looked up again."""
        access = getattr(device, "access", None)
        if access is None or self._bridge(device) is None:
            return 0
        return int(access.entries) if access.state == SyncState.DONE else 0


def hours_of(campaign: UpgradeCampaign) -> Hours | None:
    """When its devices may be touched, on their sites' clocks; None: always."""
    if campaign.window_from is None or campaign.window_to is None:
        return None
    return Hours(campaign.window_from, campaign.window_to)
