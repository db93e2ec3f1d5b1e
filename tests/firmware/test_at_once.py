"""Several workers, bridges and people at the same moment, each in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from portico.devices.enums import CommandKind
from portico.devices.models import Command
from portico.firmware.errors import NotNow
from portico.firmware.models import DeviceUpgrade, UpgradeStep
from portico.firmware.services.campaigns import stop
from portico.firmware.services.scheduling import is_consistent, run_campaigns
from portico.protocols.bridge.firmware import ReportState, Verdict
from tests.factories.firmware import make_version
from tests.firmware.world import World

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


def at_once(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run ``works`` in threads that begin together; what each returned."""
    barrier = Barrier(len(works))

    def one(work: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


def test_workers_at_the_same_moment_offer_once() -> None:
    world = World(houses=3, doors=2)
    campaign = world.order(world.devices, make_version(), waves=(50, 50))
    for _ in range(4):
        at_once([lambda: run_campaigns(now=world.now)] * 3)
    offered = UpgradeStep.objects.filter(state="offered").values_list("upgrade")
    assert len(set(offered)) == len(offered) == 3
    orders = Command.objects.filter(kind=CommandKind.UPGRADE_FIRMWARE)
    assert orders.count() == 3
    assert is_consistent(campaign)


def test_campaigns_that_begin_at_the_same_moment_share_no_device() -> None:
    world = World(houses=2)
    version = make_version()
    campaigns = [world.order(world.devices, version) for _ in range(3)]
    for _ in range(4):
        at_once([lambda: run_campaigns(now=world.now)] * 3)
        world.now += timedelta(seconds=2)
    offered = DeviceUpgrade.objects.filter(state="offered")
    assert sorted(row.device_id or 0 for row in offered) == sorted(
        device.pk for device in world.devices
    )
    others = DeviceUpgrade.objects.exclude(state="offered")
    assert {f"{row.state} {row.reason}" for row in others} == {"skipped other_campaign"}
    assert all(is_consistent(campaign) for campaign in campaigns)


def test_who_stops_it_and_who_writes_never_both_win() -> None:
    world = World(houses=4)
    campaign = world.order(world.devices, make_version())
    world.tick(seconds=1)
    for device in world.devices:
        world.takes(device)

    def halt() -> None:
        try:
            stop(actor=world.installer, campaign=campaign, now=world.now)
        except NotNow:
            raise AssertionError("it was not over") from None

    def write(number: int) -> Verdict:
        return world.says(world.devices[number], ReportState.READY)

    told = at_once(
        [
            lambda: write(0),
            lambda: write(1),
            halt,
            lambda: write(2),
            lambda: write(3),
        ]
    )
    verdicts = [told[0], told[1], told[3], told[4]]
    states = [
        DeviceUpgrade.objects.get(device=device).state for device in world.devices
    ]
    expected = {Verdict.GO: "installing", Verdict.STOP: "cancelled"}
    assert states == [expected[verdict] for verdict in verdicts]
    assert is_consistent(campaign)
