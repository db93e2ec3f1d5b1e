"""The tick of upgrades: campaigns begin, go from wave to wave, and stop by themselves.

Safe to run by several workers at once, and to be killed anywhere: what is done is decided
by conditional moves, and everything that waits has a time at which it is looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from portico.firmware.enums import (
    CampaignState,
    PauseReason,
    UpgradeState,
    WaveState,
    Way,
    Why,
)
from portico.firmware.models import DeviceUpgrade, UpgradeCampaign, UpgradeWave
from portico.firmware.rules import is_over_limit
from portico.firmware.services.apart import apart
from portico.firmware.services.checking import check_flights
from portico.firmware.services.moving import (
    CHUNK,
    move,
    move_campaign,
    move_wave,
    tell,
)
from portico.firmware.services.offering import Offering
from portico.firmware.services.pausing import cancel_some, hold_campaign, tell_company
from portico.firmware.states import FLYING, OPEN
from portico.kernel.rows import hold
from portico.notices.enums import NoticeKind

# Devices that are looked at in one run, and offers that are made: the worker's clock has
# other things to do, too, and an offer is some ten milliseconds of it.
BATCH: Final = 200
OFFERS: Final = 50
# Looks that an offer is worth.
_OFFER: Final = 3
_RUNS: Final = (CampaignState.RUNNING, CampaignState.PAUSED)
_WAITS: Final = (UpgradeState.QUEUED, UpgradeState.WAITING)
# Who looks has it to himself for so long; a worker that dies is followed by another.
_TURN: Final = timedelta(seconds=30)
# How soon it is looked at again: while a bridge or a unit may tell something any moment,
# while units have still to fetch their files, and while nothing is under way.
_SOON: Final = timedelta(seconds=1)
_LATER: Final = timedelta(seconds=10)
_QUIET: Final = timedelta(minutes=1)
# After an error of our own, doubled each time.
_LONGEST_PAUSE: Final = timedelta(minutes=15)


def run_campaigns(*, now: datetime) -> None:
    """Do what is due in all campaigns, a bounded share of it; the rest comes first then.

    One that fails is put off; it holds up no other.
    """
    room = BATCH
    due = UpgradeCampaign.objects.filter(next_at__lte=now)
    for campaign in due.select_related("version", "created_by").order_by(
        "next_at", "created_at"
    ):
        turn = now + _TURN
        if _took(campaign, turn):
            room -= apart(
                partial(_look, campaign, turn, now),
                partial(_put_off, campaign, now),
                campaign=str(campaign.pk),
            )
        if room <= 0:
            return


def _took(campaign: UpgradeCampaign, turn: datetime) -> bool:
    rows = UpgradeCampaign.objects.filter(pk=campaign.pk, next_at=campaign.next_at)
    return bool(rows.update(next_at=turn))


def _look(campaign: UpgradeCampaign, turn: datetime, now: datetime) -> int:
    count = run_campaign(campaign, now=now)
    # Unless somebody paused, resumed or stopped it meanwhile: then it is due already.
    rows = UpgradeCampaign.objects.filter(pk=campaign.pk, next_at=turn)
    rows.update(next_at=_next_look(campaign, now), failures=0)
    return count


def _put_off(campaign: UpgradeCampaign, now: datetime) -> int:
    pause: timedelta = _SOON * 2 ** min(campaign.failures, 20)
    UpgradeCampaign.objects.filter(pk=campaign.pk, next_at__isnull=False).update(
        next_at=now + min(pause, _LONGEST_PAUSE),
        failures=min(campaign.failures + 1, 1000),
    )
    return 1


def _next_look(campaign: UpgradeCampaign, now: datetime) -> datetime | None:
    """None: it is over, down to its last device."""
    rows = DeviceUpgrade.objects.filter(campaign=campaign)
    if campaign.state not in _RUNS and not rows.filter(state__in=OPEN).exists():
        return None
    waves = list(UpgradeWave.objects.filter(campaign=campaign))
    looks: list[datetime | None] = [now + _rhythm(campaign, waves)]
    looks += [wave.soak_until for wave in waves if wave.state == WaveState.SOAKING]
    if campaign.state == CampaignState.RUNNING:
        due = rows.filter(is_claimed=True, next_at__isnull=False).order_by("next_at")
        looks.append(due.values_list("next_at", flat=True).first())
    # Never before now: one that has much to do stands behind those that waited for it.
    return max(now, min(look for look in looks if look is not None))


def _rhythm(campaign: UpgradeCampaign, waves: Sequence[UpgradeWave]) -> timedelta:
    flying = DeviceUpgrade.objects.filter(campaign=campaign, state__in=FLYING)
    by_file = Q(state=UpgradeState.OFFERED, way=Way.AUTOP)
    if _moves(campaign, waves) or flying.exclude(by_file).exists():
        return _SOON
    return _LATER if flying.exists() else _QUIET


def _moves(campaign: UpgradeCampaign, waves: Sequence[UpgradeWave]) -> bool:
    """Whether it goes on without anything being told."""
    if campaign.state == CampaignState.STOPPED:
        waits = DeviceUpgrade.objects.filter(campaign=campaign, state__in=_WAITS)
        return waits.exists()
    if campaign.state == CampaignState.PAUSED:
        return False
    holds = any(
        wave.state == WaveState.SOAKING
        or (wave.state == WaveState.RUNNING and wave.holding > 0)
        for wave in waves
    )
    is_last = all(wave.state == WaveState.PASSED for wave in waves)
    return not holds and not (is_last and any(wave.remaining for wave in waves))


@transaction.atomic
def _start(campaign: UpgradeCampaign, now: datetime) -> None:
    if move_campaign(campaign, CampaignState.RUNNING, now=now, started_at=now):
        _claim(campaign, now)


def _claim(campaign: UpgradeCampaign, now: datetime) -> None:
    """Each device for one campaign; a constraint sees to it."""
    rows = DeviceUpgrade.objects.filter(
        campaign=campaign, state__in=OPEN, is_claimed=False
    )
    taken = DeviceUpgrade.objects.filter(is_claimed=True, device__isnull=False)
    rows.filter(device__isnull=False).exclude(device__in=taken.values("device")).update(
        is_claimed=True
    )
    for part in _parts(rows.filter(device__isnull=True)):
        move(part, UpgradeState.CANCELLED, reason=Why.DEVICE_GONE, now=now)
    for part in _parts(rows):
        move(part, UpgradeState.SKIPPED, reason=Why.OTHER_CAMPAIGN, now=now)


def _parts(rows: QuerySet[DeviceUpgrade]) -> Iterator[list[DeviceUpgrade]]:
    """All of ``rows`` in parts; what is done with a part takes it out of them."""
    while part := list(rows.order_by("pk")[:CHUNK]):
        yield part


def run_campaign(campaign: UpgradeCampaign, *, now: datetime) -> int:
    """Do what is due in ``campaign``; returns how much that was, in devices looked at."""
    if campaign.state == CampaignState.SCHEDULED:
        _start(campaign, now)
    if campaign.state == CampaignState.RUNNING and campaign.version.known_bad:
        hold_campaign(campaign, PauseReason.WITHDRAWN, now=now)
    cancelled = 0
    if campaign.state == CampaignState.STOPPED:
        cancelled = cancel_some(campaign, now=now)
    due = (
        DeviceUpgrade.objects.filter(
            campaign=campaign, is_claimed=True, next_at__lte=now
        )
        .select_related(
            "device__site",
            "device__presence",
            "device__access",
            "device__provisioning_file",
            "autop_item",
        )
        .order_by("next_at", "pk")
    )
    # Of a stopped one, too: what could not be taken back any more goes on to its end.
    flying = list(due.filter(state__in=FLYING)[:BATCH])
    if flying:
        check_flights(campaign, flying, now)
    if campaign.state in _RUNS:
        _advance(campaign, now)
    waiting: list[DeviceUpgrade] = []
    offers = 0
    if campaign.state == CampaignState.RUNNING:
        waiting = list(due.filter(state__in=_WAITS)[:BATCH])
        if waiting:
            offers = Offering(campaign, waiting, now, most=OFFERS).run()
    return cancelled + len(flying) + len(waiting) + _OFFER * offers


@transaction.atomic
def _advance(campaign: UpgradeCampaign, now: datetime) -> None:
    """From wave to wave; a campaign that fails too often stops here.

    The campaign is held first, then its devices, then its waves, as everywhere: nobody
    waits for somebody who waits for him.
    """
    held = hold(campaign)
    campaign.state, campaign.forgiven = held.state, held.forgiven
    if campaign.state not in _RUNS:
        return
    waves = list(UpgradeWave.objects.filter(campaign=campaign).order_by("number"))
    if campaign.state == CampaignState.RUNNING and _is_over(campaign, waves):
        _trip(campaign, waves, now)
    for wave in waves:
        _advance_wave(campaign, wave, now)
    if campaign.state == CampaignState.RUNNING:
        _next_wave(campaign, waves, now)
    is_over = all(
        wave.state == WaveState.PASSED and not wave.remaining for wave in waves
    )
    if is_over and move_campaign(
        campaign, CampaignState.COMPLETED, now=now, ended_at=now, next_at=None
    ):
        tell_company(campaign, NoticeKind.UPGRADE_FINISHED, now)


def _is_over(campaign: UpgradeCampaign, waves: list[UpgradeWave]) -> bool:
    failed = sum(wave.failed for wave in waves)
    return is_over_limit(
        failed=failed,
        tried=failed + sum(wave.succeeded for wave in waves),
        forgiven=campaign.forgiven,
        percent=campaign.error_percent,
        sample=campaign.error_sample,
        cap=campaign.error_cap,
    )


def _trip(campaign: UpgradeCampaign, waves: list[UpgradeWave], now: datetime) -> None:
    hold_campaign(campaign, PauseReason.ERROR_LIMIT, now=now)
    for wave in waves:
        if wave.state in {WaveState.RUNNING, WaveState.SOAKING}:
            move_wave(wave, WaveState.TRIPPED)


def _advance_wave(campaign: UpgradeCampaign, wave: UpgradeWave, now: datetime) -> None:
    if wave.state == WaveState.RUNNING and wave.holding <= 0:
        until = now + timedelta(minutes=campaign.soak_minutes)
        move_wave(wave, WaveState.SOAKING, soak_until=until)
        tell({campaign.pk})
    is_soaked = wave.soak_until is not None and now >= wave.soak_until
    if wave.state == WaveState.SOAKING and is_soaked:
        move_wave(wave, WaveState.PASSED)
        tell({campaign.pk})


def _next_wave(
    campaign: UpgradeCampaign, waves: list[UpgradeWave], now: datetime
) -> None:
    """The first wave that waits begins, once all before it have passed."""
    for wave in waves:
        if wave.state == WaveState.PASSED:
            continue
        if wave.state == WaveState.WAITING:
            rows = DeviceUpgrade.objects.filter(wave=wave, state__in=_WAITS)
            rows.filter(next_at=None).update(next_at=now)
            move_wave(wave, WaveState.RUNNING, started_at=now)
            tell({campaign.pk})
        return


def is_consistent(campaign: UpgradeCampaign) -> bool:
    """Whether the counters of the waves equal the rows; for tests and the operator."""
    for wave in UpgradeWave.objects.filter(campaign=campaign):
        rows = DeviceUpgrade.objects.filter(wave=wave)
        still = rows.filter(state__in=OPEN)
        told = (wave.total, wave.remaining, wave.holding, wave.succeeded, wave.failed)
        true = (
            rows.count(),
            still.count(),
            still.filter(is_late=False).count(),
            rows.filter(state=UpgradeState.SUCCEEDED).count(),
            rows.filter(
                state__in=[UpgradeState.FAILED, UpgradeState.TIMED_OUT]
            ).count(),
        )
        if told != true:
            return False
    return True
