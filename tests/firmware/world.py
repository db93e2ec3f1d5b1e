"""Houses whose units answer upgrades as a test tells them to, in simulated time."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from portico.access.enums import SyncState
from portico.access.models import DeviceAccess
from portico.accounts.models import User
from portico.devices.enums import CommandKind, CommandState, PresenceVia
from portico.devices.models import Bridge, Command, Device, Presence
from portico.devices.selectors import bridge_of
from portico.devices.services.commands import expire_commands, mark_sent, record_result
from portico.devices.services.registration import recognize_model
from portico.firmware.models import DeviceUpgrade, FirmwareVersion, UpgradeCampaign
from portico.firmware.services.campaigns import order_upgrade
from portico.firmware.services.delivery import (
    image_for_bridge,
    keep_configuration,
    verdict,
)
from portico.firmware.services.scheduling import run_campaigns
from portico.kernel.clock import utcnow
from portico.protocols.bridge.firmware import FirmwareReport, ReportState, Verdict
from portico.sites.models import Site
from tests.factories import make_bridge, make_device, make_installer, make_site
from tests.factories.firmware import OLD, make_plan

SAVED = '{"Config.Settings.OTHERS.Greeting": "Hello"}'


class World:
    """An installer's houses; every call happens at :attr:`now`."""

    def __init__(
        self, *, houses: int = 1, doors: int = 1, bridges: bool = True, zone: str = ""
    ) -> None:
        self.now = utcnow()
        self.installer: User = make_installer()
        self.sites: list[Site] = []
        self.devices: list[Device] = []
        for _ in range(houses):
            more = {"time_zone": zone} if zone else {}
            site = make_site(self.installer, **more)
            self.sites.append(site)
            for number in range(doors):
                device = make_device(site, self.installer, name=f"Door {number}")
                self.devices.append(device)
                self.sees(device)
                self.reports(device, OLD)
            if bridges:
                make_bridge(site, self.installer)
        self.now = utcnow()

    def order(
        self, devices: Sequence[Device], version: FirmwareVersion, **more: object
    ) -> UpgradeCampaign:
        return order_upgrade(
            actor=self.installer,
            devices=[device.pk for device in devices],
            plan=make_plan(version, **more),
            now=self.now,
        )

    # Time.

    def tick(self, **delta: float) -> None:
        """Let time pass, and everything happen that is due then."""
        self.now += timedelta(**delta)
        expire_commands(now=self.now)
        run_campaigns(now=self.now)

    # Units.

    def sees(self, device: Device, *, online: bool = True) -> None:
        Presence.objects.update_or_create(
            device=device,
            defaults={
                "is_online": online,
                "last_seen_at": self.now,
                "changed_at": self.now,
                "via": PresenceVia.BRIDGE,
            },
        )

    def reports(self, device: Device, firmware: str) -> None:
        """The unit itself says that it runs ``firmware``."""
        fresh = Device.objects.get(pk=device.pk)
        recognize_model(device=fresh, reported="", firmware=firmware, now=self.now)
        self.sees(device)

    def registers(self, device: Device) -> None:
        Presence.objects.filter(device=device).update(sip_at=self.now)

    def has_codes(self, device: Device, entries: int = 3) -> None:
        """The unit's list was read and is complete."""
        DeviceAccess.objects.update_or_create(
            device=device,
            defaults={
                "state": SyncState.DONE,
                "entries": entries,
                "confirmed_at": self.now,
                "next_try_at": self.now + timedelta(days=1),
            },
        )

    # What became of it.

    def row(self, device: Device) -> DeviceUpgrade:
        rows = DeviceUpgrade.objects.select_related("campaign__version")
        return rows.filter(device=device).latest("pk")

    def state(self, device: Device) -> str:
        row = self.row(device)
        return f"{row.state} {row.reason}".strip()

    @staticmethod
    def campaign_states(campaign: UpgradeCampaign) -> list[str]:
        rows = DeviceUpgrade.objects.filter(campaign=campaign).order_by("pk")
        return [f"{row.state} {row.reason}".strip() for row in rows]

    def states(self, devices: Sequence[Device] = ()) -> list[str]:
        return [self.state(device) for device in devices or self.devices]

    # The bridge.

    def told(self, device: Device) -> Command | None:
        """The newest order of an upgrade to the house's bridge."""
        orders = Command.objects.filter(
            device=device, kind=CommandKind.UPGRADE_FIRMWARE
        )
        return orders.order_by("-requested_at", "-pk").first()

    def bridge(self, device: Device) -> Bridge:
        bridge = bridge_of(device.site)
        assert bridge is not None
        return bridge

    def takes(self, device: Device, *, reason: str = "") -> bool:
        """The bridge takes the order, or says why not; False: there was none."""
        command = self.told(device)
        if command is None or mark_sent(command_id=command.pk, now=self.now) is None:
            return False
        record_result(
            bridge_id=self.bridge(device).pk,
            command_id=command.pk,
            state=CommandState.FAILED if reason else CommandState.ACKNOWLEDGED,
            reason=reason,
            at=self.now,
            now=self.now,
        )
        return True

    def says(self, device: Device, state: ReportState, **more: object) -> Verdict:
        command = self.told(device)
        command_id = command.pk if command is not None else uuid.uuid4()
        bridge_id = self.bridge(device).pk
        report = FirmwareReport(state=state, **more)  # type: ignore[arg-type]
        return verdict(
            bridge_id=bridge_id, command_id=command_id, report=report, now=self.now
        )

    def saves(self, device: Device) -> bool:
        command = self.told(device)
        assert command is not None
        return keep_configuration(
            bridge_id=self.bridge(device).pk,
            command_id=command.pk,
            text=SAVED,
            now=self.now,
        )

    def fetches(self, device: Device) -> bool:
        command = self.told(device)
        assert command is not None
        found = image_for_bridge(
            bridge_id=self.bridge(device).pk, command_id=command.pk, now=self.now
        )
        return found is not None

    def writes(self, device: Device) -> Verdict:
        """From the order to the point of no return, and its answer there."""
        self.takes(device)
        self.says(device, ReportState.DOWNLOADING, done=10)
        return self.says(device, ReportState.READY)

    def upgrades(self, device: Device, *, to: str = "") -> None:
        """All goes well: the unit comes back with the version, and registers."""
        assert self.writes(device) == Verdict.GO
        self.reports(device, to or self.row(device).campaign.version.version)
        self.registers(device)
