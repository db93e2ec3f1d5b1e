"""Whatever units answer, keep silent about, or people do: what must always hold, holds."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portico.devices.models import Bridge, Device
from portico.devices.services.registration import remove_device
from portico.firmware.enums import CampaignState, UpgradeState
from portico.firmware.errors import BadPlan, NotNow
from portico.firmware.models import (
    DeviceUpgrade,
    FirmwareVersion,
    UpgradeCampaign,
    UpgradeStep,
    UpgradeWave,
)
from portico.firmware.rules import Hours, open_until
from portico.firmware.services.campaigns import hide_record, pause, resume, stop
from portico.firmware.services.delivery import may_finish, note_begun
from portico.firmware.services.scheduling import is_consistent
from portico.firmware.states import DEVICES, ENDED, FLYING, OPEN
from portico.protocols.bridge.firmware import ReportState, Verdict
from portico.provisioning.models import AutopItem
from portico.provisioning.services.autop import note_reset, withdraw
from tests.factories.firmware import NEW, OLD, make_version
from tests.firmware.world import World

pytestmark = pytest.mark.integration

HOURS = Hours(time(22), time(6))
THIRD = "29.30.11.7"
ACTS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([2, 11, 65, 200, 1000, 7200, 40_000])),
    st.tuples(
        st.sampled_from(
            [
                "online",
                "offline",
                "takes",
                "refuses",
                "downloads",
                "ready",
                "fails",
                "fails_touched",
                "new",
                "old",
                "third",
                "registers",
                "codes",
                "begins",
                "finishes",
                "bridge_away",
                "bridge_back",
                "removed",
                "replaced",
                "taken_out",
                "hidden",
            ]
        ),
        st.integers(0, 4),
    ),
    st.tuples(
        st.sampled_from(["pause", "resume", "stop", "restart", "another"]), st.just(0)
    ),
)


class Walk:
    """One sequence of what may happen, and what must hold after each of its steps."""

    def __init__(self, world: World, version: FirmwareVersion) -> None:
        self.world, self.version = world, version
        self.now = world.now = datetime(2027, 1, 10, 21, 30, tzinfo=UTC)
        for device in world.devices:
            world.sees(device)
        # Of whom somebody has said that it may be written to: (upgrade, attempt).
        self.let: set[tuple[int, int]] = set()
        self.order()

    def order(self) -> None:
        there = Device.objects.filter(pk__in=[one.pk for one in self.world.devices])
        if not there:
            return
        self.world.order(
            list(there),
            self.version,
            waves=(20, 80),
            window=(HOURS.start, HOURS.end),
            soak_minutes=10,
            error_cap=2,
        )

    def do(self, act: str, number: int) -> None:
        world = self.world
        if act == "wait":
            world.tick(seconds=number)
        elif act in {"pause", "resume", "stop"}:
            self.steer(act)
        elif act == "restart":
            Bridge.objects.update(is_online=True)
        elif act == "another":
            self.order()
        else:
            device = Device.objects.filter(pk=world.devices[number].pk).first()
            if device is not None:
                getattr(self, f"on_{act}", self.told)(device, act)
        self.check()

    def steer(self, act: str) -> None:
        world = self.world
        for campaign in UpgradeCampaign.objects.all():
            try:
                if act == "resume":
                    resume(
                        actor=world.installer,
                        campaign=campaign,
                        forgive=True,
                        now=world.now,
                    )
                else:
                    {"pause": pause, "stop": stop}[act](
                        actor=world.installer, campaign=campaign, now=world.now
                    )
            except (NotNow, BadPlan):
                continue

    def told(self, device: Device, act: str) -> None:
        """What a unit, or its bridge, says or does."""
        world = self.world
        if act in {"online", "offline"}:
            world.sees(device, online=act == "online")
        elif act in {"new", "old", "third"}:
            world.reports(device, {"new": NEW, "old": OLD, "third": THIRD}[act])
        elif act == "registers":
            world.registers(device)
        elif act == "codes":
            world.has_codes(device)
        elif act in {"bridge_away", "bridge_back"}:
            Bridge.objects.filter(site=device.site).update(
                is_online=act == "bridge_back"
            )
        elif device.site.bridges.exists():
            self.by_bridge(device, act)

    def by_bridge(self, device: Device, act: str) -> None:
        world = self.world
        row = DeviceUpgrade.objects.filter(device=device).order_by("-pk").first()
        if act in {"takes", "refuses"}:
            world.takes(device, reason="unreachable" if act == "refuses" else "")
        elif act == "downloads":
            world.says(device, ReportState.DOWNLOADING, done=1)
        elif act == "ready" and row is not None:
            if world.says(device, ReportState.READY) == Verdict.GO:
                self.note(device)
        elif act in {"fails", "fails_touched"}:
            world.says(
                device,
                ReportState.FAILED,
                reason="refused",
                touched=act == "fails_touched",
            )

    def note(self, device: Device) -> None:
        flying = DeviceUpgrade.objects.filter(
            device=device, state=UpgradeState.INSTALLING
        )
        self.let.update(flying.values_list("pk", "attempt"))

    def on_begins(self, device: Device, act: str) -> None:
        del act
        for row in DeviceUpgrade.objects.filter(device=device, way="autop"):
            note_begun(upgrade_id=row.pk, attempt=row.attempt, now=self.world.now)

    def on_finishes(self, device: Device, act: str) -> None:
        del act
        for row in DeviceUpgrade.objects.filter(device=device, way="autop"):
            if may_finish(upgrade_id=row.pk, attempt=row.attempt, now=self.world.now):
                self.let.add((row.pk, row.attempt))

    def on_removed(self, device: Device, act: str) -> None:
        del act
        remove_device(actor=self.world.installer, device=device, now=self.world.now)

    def on_replaced(self, device: Device, act: str) -> None:
        """Another unit stands in its place."""
        del act
        mac = f"{(int(device.mac, 16) + 0x1000) % 2**48:012X}"
        Device.objects.filter(pk=device.pk).update(mac=mac, firmware=OLD)
        note_reset(device_id=device.pk, now=self.world.now)

    def on_taken_out(self, device: Device, act: str) -> None:
        del act
        for item in AutopItem.objects.filter(device=device):
            withdraw(actor=self.world.installer, order=item.order, now=self.world.now)

    def on_hidden(self, device: Device, act: str) -> None:
        del act
        for row in DeviceUpgrade.objects.filter(device=device, is_hidden=False):
            try:
                hide_record(actor=self.world.installer, upgrade=row, now=self.world.now)
            except NotNow:
                continue

    def check(self) -> None:
        for campaign in UpgradeCampaign.objects.all():
            assert is_consistent(campaign)
        rows = list(DeviceUpgrade.objects.all())
        self.check_doors(rows)
        for campaign in UpgradeCampaign.objects.all():
            is_over = not campaign.upgrades.filter(state__in=OPEN).exists()
            is_looked_at = campaign.next_at is not None
            assert is_looked_at or is_over, f"{campaign.state} is never looked at"
        for row in rows:
            if row.is_claimed and row.wave.state not in {"waiting", "cancelled"}:
                assert row.next_at is not None, f"{row.state} is never looked at"
            if row.state in {UpgradeState.CANCELLED, UpgradeState.SKIPPED}:
                assert (row.pk, row.attempt) not in self.let
        claimed = Counter(
            row.device_id for row in rows if row.is_claimed and row.device_id
        )
        assert max(claimed.values(), default=0) <= 1

    def check_doors(self, rows: list[DeviceUpgrade]) -> None:
        doors = Counter((row.wave_id, row.site_id) for row in rows if row.is_entrance)
        assert max(doors.values(), default=0) <= 1
        flying = Counter(
            row.site_id for row in rows if row.is_entrance and row.state in FLYING
        )
        assert max(flying.values(), default=0) <= 1

    def end(self) -> None:
        """Nobody answers any more: everything comes to an end by itself."""
        for _ in range(3):
            self.steer("resume")
            for hours in (1, 10, 20, 40, 60):
                self.world.tick(hours=hours)
            for _ in range(8):
                self.world.tick(days=5)
                self.check()
                self.steer("resume")
        assert not DeviceUpgrade.objects.filter(state__in=OPEN).exists()
        ended = {CampaignState.COMPLETED, CampaignState.STOPPED}
        assert {c.state for c in UpgradeCampaign.objects.all()} <= ended
        states = {wave.state for wave in UpgradeWave.objects.all()}
        assert states <= {"passed", "cancelled"}
        self.check_steps()

    def check_steps(self) -> None:
        last: dict[int, UpgradeState] = {}
        for step in UpgradeStep.objects.select_related("upgrade").order_by("pk"):
            before = last.get(step.upgrade_id, UpgradeState.QUEUED)
            assert UpgradeState(step.state) in DEVICES[before]
            last[step.upgrade_id] = UpgradeState(step.state)
            if step.state in {UpgradeState.OFFERED, UpgradeState.INSTALLING}:
                zone = "UTC"
                assert open_until(HOURS, zone, step.at) is not None
        for row in DeviceUpgrade.objects.all():
            assert last.get(row.pk, UpgradeState.QUEUED) == row.state
            assert row.state in ENDED


@pytest.fixture
def world(db: None) -> World:
    world = World(houses=2, doors=2, zone="UTC")
    more = World(houses=1, doors=1, bridges=False, zone="UTC")
    other = more.devices[0]
    Device.objects.filter(pk=other.pk).update(
        organization=world.devices[0].organization
    )
    site = other.site
    site.organization = world.devices[0].organization
    site.save()
    world.devices.append(Device.objects.get(pk=other.pk))
    world.sites.append(site)
    world.registers(world.devices[0])
    world.has_codes(world.devices[1])
    return world


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=st.lists(ACTS, min_size=10, max_size=60))
def test_what_must_hold_holds(world: World, acts: list[tuple[str, int]]) -> None:
    with transaction.atomic():
        walk = Walk(world, make_version())
        for act, number in acts:
            walk.do(act, number)
        walk.end()
        transaction.set_rollback(True)


def test_a_good_sequence_is_one(world: World) -> None:
    """That the walk above can come to a good end."""
    walk = Walk(world, make_version())
    walk.world.now += timedelta(hours=1)
    for device in range(5):
        for act in ("online", "codes"):
            walk.do(act, device)
    for _ in range(60):
        for device in range(5):
            for act in ("takes", "ready", "begins", "finishes"):
                walk.do(act, device)
        for row in DeviceUpgrade.objects.filter(state__in=["installing", "verifying"]):
            number = [one.pk for one in world.devices].index(row.device_id or 0)
            for act in ("new", "registers", "codes"):
                walk.do(act, number)
        walk.do("wait", 65)
        for device in range(5):
            walk.do("online", device)
    assert set(walk.world.states()) == {"succeeded"}
    walk.end()
