"""The devices of a campaign are written down: which waves there are, and who is in which.

A few at once; many by a job, in parts. Each part is a transaction of its own that goes on
where the one before has ended, whoever did that: safe to repeat and to be killed anywhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import F, QuerySet

from portico.devices.models import Device
from portico.firmware.enums import CampaignState
from portico.firmware.models import (
    DeviceUpgrade,
    Preparation,
    UpgradeCampaign,
    UpgradeWave,
)
from portico.firmware.rules import Target, is_entrance, local_moment, plan_waves
from portico.firmware.services.moving import CHUNK, move_campaign, tell
from portico.kernel.queue import enqueue

PREPARE: Final = "firmware.prepare"
# Written with the order itself; somebody waits for the page.
AT_ONCE: Final = 500
# One or two hundred milliseconds of the database's one writer.
_PART: Final = 500
# Of one run of the job; then another is ordered, so that a stopping worker need not wait
# long.
_MOST_PARTS: Final = 20


class Candidate(NamedTuple):
    """What is to be known of a device before it is in a campaign."""

    pk: int
    site: uuid.UUID
    kind: str
    name: str
    model: str
    reported_model: str
    firmware: str
    time_zone: str
    is_online: bool | None

    @property
    def target(self) -> Target:
        return Target(self.pk, self.site, is_entrance(self.kind))


def candidates(devices: QuerySet[Device], ids: Sequence[int]) -> list[Candidate]:
    """Those of ``devices`` with one of ``ids``, in the order in which they go.

    The first wave is to tell something: it takes those that are there.
    """
    columns = (
        "pk",
        "site",
        "kind",
        "name",
        "model",
        "reported_model",
        "firmware",
        "site__time_zone",
        "presence__is_online",
    )
    rows = devices.order_by().values_list(*columns)
    found = [
        Candidate(*row) for part in chunks(ids) for row in rows.filter(pk__in=part)
    ]
    found.sort(key=lambda one: (not one.is_online, one.name, one.pk))
    return found


def chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    """``ids`` in parts that fit into one statement."""
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))


def begin(campaign: UpgradeCampaign, ids: Sequence[int], *, now: datetime) -> None:
    """Have ``ids`` written down; call inside the transaction of the order."""
    Preparation.objects.create(campaign=campaign, targets=list(ids), total=len(ids))
    before = DeviceUpgrade.objects.filter(campaign=campaign).count()
    if len(ids) + before > AT_ONCE:
        order_preparation(campaign.pk)
        return
    while _step(campaign.pk, now):
        pass
    campaign.refresh_from_db(fields=["state", "next_at"])


def order_preparation(campaign_id: uuid.UUID) -> None:
    """Let a worker go on with it."""
    key = f"{PREPARE}:{campaign_id}"
    enqueue(PREPARE, unique_key=key, campaign_id=str(campaign_id))


def prepare(*, campaign_id: uuid.UUID, now: datetime) -> None:
    """Go on with what is still to be written down, a bounded number of parts."""
    for _ in range(_MOST_PARTS):
        if not _step(campaign_id, now):
            return
    order_preparation(campaign_id)


def _step(campaign_id: uuid.UUID, now: datetime) -> bool:
    """Do one part; False: all is done, or it was stopped."""
    # Before anything is held: thousands of devices are looked at.
    plan = _plan(campaign_id)
    with transaction.atomic():
        held = UpgradeCampaign.objects.select_for_update(no_key=True).filter(
            pk=campaign_id, state=CampaignState.PREPARING
        )
        campaign = held.first()
        if campaign is None:
            return False
        left = Preparation.objects.get(campaign=campaign)
        if left.is_planned and left.done >= left.total:
            _finish(campaign, left, now)
            return False
        if left.is_planned:
            _write_some(campaign, left, now)
        elif not _forget_some(campaign) and plan is not None:
            _keep(campaign, left, plan)
        tell({campaign.pk})
    return True


def _plan(campaign_id: uuid.UUID) -> list[list[int]] | None:
    """Who goes in which wave; None: that is settled, or what was before stands there."""
    waiting = Preparation.objects.filter(campaign=campaign_id, is_planned=False)
    left = waiting.select_related("campaign").first()
    if left is None or DeviceUpgrade.objects.filter(campaign=campaign_id).exists():
        return None
    found = candidates(Device.objects.all(), left.targets)
    shares = [int(share) for share in left.campaign.shares.split(",")]
    waves = plan_waves([one.target for one in found], shares)
    return [[target.device_id for target in wave] for wave in waves]


def _keep(
    campaign: UpgradeCampaign, left: Preparation, plan: Sequence[Sequence[int]]
) -> None:
    """This is settled once; whoever goes on keeps to it."""
    if not {pk for wave in plan for pk in wave} <= set(left.targets):
        return  # it was changed while we planned
    UpgradeWave.objects.filter(campaign=campaign).delete()
    UpgradeWave.objects.bulk_create(
        UpgradeWave(campaign=campaign, number=number)
        for number, _ in enumerate(plan, start=1)
    )
    left.targets, left.is_planned = plan, True
    left.total = sum(map(len, plan))
    left.save(update_fields=["targets", "total", "is_planned"])


def _forget_some(campaign: UpgradeCampaign) -> bool:
    """Of before it was changed; False: nothing is left of that."""
    rows = DeviceUpgrade.objects.filter(campaign=campaign)
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:_PART])
    DeviceUpgrade.objects.filter(pk__in=ids).delete()
    return bool(ids)


def _write_some(campaign: UpgradeCampaign, left: Preparation, now: datetime) -> None:
    waves = {wave.number: wave for wave in campaign.waves.all()}
    for number, ids in _next_of(left.targets, left.done):
        devices = Device.objects.select_related("site").in_bulk(ids)
        rows = [
            _row(campaign, waves[number], devices[pk], now)
            for pk in ids
            if pk in devices  # else it was removed a moment ago
        ]
        DeviceUpgrade.objects.bulk_create(rows, batch_size=CHUNK)
        UpgradeWave.objects.filter(pk=waves[number].pk).update(
            total=F("total") + len(rows),
            holding=F("holding") + len(rows),
            remaining=F("remaining") + len(rows),
        )
        left.done += len(ids)
    left.save(update_fields=["done"])


def _next_of(
    waves: Sequence[Sequence[int]], start: int
) -> Iterator[tuple[int, Sequence[int]]]:
    """The numbers of waves with the next of their devices, a part of them in all."""
    room = _PART
    for number, ids in enumerate(waves, start=1):
        some = ids[start : start + room]
        start = max(0, start - len(ids))
        room -= len(some)
        if some:
            yield number, some


def _row(
    campaign: UpgradeCampaign, wave: UpgradeWave, device: Device, now: datetime
) -> DeviceUpgrade:
    start, zone = campaign.local_start, device.site.time_zone
    return DeviceUpgrade(
        campaign=campaign,
        wave=wave,
        device=device,
        site=device.site,
        device_name=device.name,
        device_mac=device.mac,
        site_name=device.site.room_name,
        is_entrance=is_entrance(device.kind),
        from_version=device.firmware,
        not_before=local_moment(start, zone) if start else campaign.starts_at,
        changed_at=now,
    )


def _finish(campaign: UpgradeCampaign, left: Preparation, now: datetime) -> None:
    left.delete()
    UpgradeWave.objects.filter(campaign=campaign, total=0).delete()
    move_campaign(
        campaign, CampaignState.SCHEDULED, now=now, next_at=campaign.starts_at
    )
