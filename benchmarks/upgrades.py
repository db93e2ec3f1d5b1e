"""A firmware campaign in simulated time: what the scheduler and the reports cost.

Bridges and units answer at once and rightly; a minute of the campaign takes no longer than
the work in it. Statements of the answers that are only pretended are not counted.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.processes import Installation
from benchmarks.table import Row

if TYPE_CHECKING:
    from portico.firmware.models import DeviceUpgrade, UpgradeCampaign

# Of growth: ten times as many devices may take this much more for each.
TARGET_GROWTH = 1.5
# The worker looks every two seconds; here time passes faster while all wait.
_TICK = timedelta(seconds=11)
_MODEL, _OLD, _NEW = "R29", "29.30.10.1", "29.30.10.128"


@dataclass(slots=True)
class _Cost:
    """Of one campaign: the ticks and the reports of bridges, and their statements."""

    tick_seconds: float = 0.0
    longest_tick: float = 0.0
    ticks: int = 0
    report_seconds: float = 0.0
    statements: int = 0
    steps: int = 0
    order_seconds: float = 0.0
    prepare_seconds: float = 0.0
    kilobytes: int = 0


def run(place: Installation, *, quick: bool) -> list[Row]:
    del place  # the database is all that it needs
    few, many = (300, 1_500) if quick else (10_000, 100_000)
    _make_world(many)
    small, large = _campaign(few), _campaign(many)
    growth = (large.tick_seconds / many) / (small.tick_seconds / few)
    more = (large.kilobytes - small.kilobytes) / 1024
    return [
        Row(
            benchmark="upgrades",
            what=f"campaign over {many:,} devices: the worker's ticks, all together",
            measured=f"{large.tick_seconds:.0f} s in {large.ticks:,}",
            beside=f"{small.tick_seconds:.1f} s for {few:,}",
            ratio=f"{growth:.2f}x a device",
            target=f"<= {TARGET_GROWTH}x",
            passed=growth <= TARGET_GROWTH,
        ),
        Row(
            benchmark="upgrades",
            what="the longest tick of them",
            measured=f"{large.longest_tick * 1000:.0f} ms",
            beside=f"{small.longest_tick * 1000:.0f} ms for {few:,}",
        ),
        Row(
            benchmark="upgrades",
            what="SQL statements for one change of a device's state",
            measured=f"{large.statements / large.steps:.1f}",
            beside=f"{small.statements / small.steps:.1f} for {few:,}",
        ),
        Row(
            benchmark="upgrades",
            what=f"reports of bridges, {2 * many:,} of them",
            measured=f"{large.report_seconds / many / 2 * 1000:.1f} ms each",
            beside=f"{small.report_seconds / few / 2 * 1000:.1f} ms for {few:,}",
        ),
        Row(
            benchmark="upgrades",
            what=f"to order it for {many:,} devices",
            measured=f"{large.order_seconds:.1f} s",
            beside=f"{small.order_seconds:.1f} s for {few:,}",
        ),
        Row(
            benchmark="upgrades",
            what="to prepare it then, in the background",
            measured=f"{large.prepare_seconds:.0f} s",
            beside=f"{small.prepare_seconds:.1f} s for {few:,}",
        ),
        Row(
            benchmark="upgrades",
            what="memory that the larger one took more",
            measured=f"{more:.0f} MB",
        ),
    ]


def _campaign(count: int) -> _Cost:
    """One campaign over ``count`` devices with the old version, to its end."""
    from portico.firmware.enums import CampaignState  # noqa: PLC0415 -- needs models
    from portico.firmware.models import UpgradeStep  # noqa: PLC0415
    from portico.firmware.services.scheduling import is_consistent  # noqa: PLC0415

    cost = _Cost()
    now = _moment()
    campaign = _order(count, now, cost)
    while campaign.state != CampaignState.COMPLETED:
        now += _TICK
        _tick(now, cost)
        _answer(campaign, now, cost)
        campaign.refresh_from_db()
    cost.steps = UpgradeStep.objects.filter(upgrade__campaign=campaign).count()
    cost.kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = sum(wave.succeeded for wave in campaign.waves.all())
    if done != count or not is_consistent(campaign):
        raise RuntimeError(f"{done} of {count} succeeded")
    return cost


def _moment() -> datetime:
    from portico.kernel.clock import utcnow  # noqa: PLC0415 -- needs models

    return utcnow()


def _make_world(count: int) -> None:
    from benchmarks.world import make_bridges_of_units, make_units  # noqa: PLC0415
    from portico.devices.models import Bridge  # noqa: PLC0415 -- needs models
    from portico.firmware.models import Artifact, FirmwareVersion  # noqa: PLC0415

    make_units(count)
    make_bridges_of_units()
    Bridge.objects.update(is_online=True)
    version = FirmwareVersion.objects.create(
        model=_MODEL, version=_NEW, created_at=_moment(), log="New."
    )
    Artifact.objects.create(
        version=version,
        file="firmware/none",
        name=f"{_NEW}.zip",
        size=1,
        sha256="0" * 64,
        md5="0" * 32,
    )


def _order(count: int, now: datetime, cost: _Cost) -> UpgradeCampaign:
    from benchmarks.world import installer_of_units  # noqa: PLC0415 -- needs models
    from portico.devices.models import Device, Presence  # noqa: PLC0415
    from portico.firmware.enums import CampaignState  # noqa: PLC0415
    from portico.firmware.models import FirmwareVersion  # noqa: PLC0415
    from portico.firmware.services.campaigns import (  # noqa: PLC0415
        PlanData,
        order_upgrade,
    )
    from portico.firmware.services.preparing import prepare  # noqa: PLC0415
    from portico.kernel.ids import new_id  # noqa: PLC0415
    from portico.sites.enums import SiteKind  # noqa: PLC0415

    Device.objects.update(model=_MODEL, firmware=_OLD)
    Presence.objects.update(sip_at=now)
    plan = PlanData(
        version=FirmwareVersion.objects.get(),
        project=SiteKind.SINGLE_FAMILY,
        token=new_id(),
        waves=(1, 9, 90),
        soak_minutes=10,
    )
    ids = list(Device.objects.order_by("pk").values_list("pk", flat=True)[:count])
    actor = installer_of_units()
    begun = time.monotonic()
    campaign = order_upgrade(actor=actor, devices=ids, plan=plan, now=now)
    cost.order_seconds = time.monotonic() - begun
    begun = time.monotonic()
    while campaign.state == CampaignState.PREPARING:
        prepare(campaign_id=campaign.pk, now=now)
        campaign.refresh_from_db()
    cost.prepare_seconds = time.monotonic() - begun
    return campaign


def _tick(now: datetime, cost: _Cost) -> None:
    from portico.firmware.services.scheduling import (  # noqa: PLC0415 -- needs models
        run_campaigns,
    )

    begun = time.monotonic()
    with _counted(cost):
        run_campaigns(now=now)
    took = time.monotonic() - begun
    cost.tick_seconds += took
    cost.longest_tick = max(cost.longest_tick, took)
    cost.ticks += 1


@contextmanager
def _counted(cost: _Cost) -> Iterator[None]:
    from django.db import connection  # noqa: PLC0415 -- needs settings

    def count(execute: Any, *args: Any) -> Any:
        cost.statements += 1
        return execute(*args)

    with connection.execute_wrapper(count):
        yield


def _answer(campaign: UpgradeCampaign, now: datetime, cost: _Cost) -> None:
    """What bridges and units do: take the order, ask, write, come back, register."""
    from portico.devices.models import Command, Device, Presence  # noqa: PLC0415
    from portico.firmware.models import DeviceUpgrade  # noqa: PLC0415

    rows = DeviceUpgrade.objects.filter(campaign=campaign)
    offered = list(rows.filter(state="offered").select_related("device__site"))
    Command.objects.filter(pk__in=[row.command_id for row in offered]).update(
        state="acknowledged", sent_at=now, finished_at=now
    )
    for row in offered:
        _report(row, now, cost)
    written = [row.device_id for row in offered if row.device_id is not None]
    Device.objects.filter(pk__in=written).update(firmware=_NEW)
    later = now + timedelta(seconds=1)
    Presence.objects.filter(device__in=written).update(sip_at=later)


def _report(row: DeviceUpgrade, now: datetime, cost: _Cost) -> None:
    from portico.devices.models import Bridge  # noqa: PLC0415 -- needs models
    from portico.firmware.services.delivery import verdict  # noqa: PLC0415
    from portico.protocols.bridge.firmware import (  # noqa: PLC0415
        FirmwareReport,
        ReportState,
        Verdict,
    )

    if row.device is None or row.command_id is None:
        raise RuntimeError(row.pk)
    bridge_id = Bridge.objects.values_list("pk", flat=True).get(site=row.device.site)
    begun = time.monotonic()
    with _counted(cost):
        for state in (ReportState.DOWNLOADING, ReportState.READY):
            told = verdict(
                bridge_id=bridge_id,
                command_id=row.command_id,
                report=FirmwareReport(state=state),
                now=now,
            )
            if told != Verdict.GO:
                raise RuntimeError(told)
    cost.report_seconds += time.monotonic() - begun
