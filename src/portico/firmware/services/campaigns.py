"""What people do with upgrades: order, look before, change, pause, go on, stop."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.selectors import bridges_by_site, visible_devices
from portico.firmware.enums import (
    CampaignState,
    PauseReason,
    UpgradeState,
    WaveState,
    Why,
)
from portico.firmware.errors import BadPlan, NotNow
from portico.firmware.models import (
    DeviceUpgrade,
    FirmwareVersion,
    UpgradeCampaign,
    UpgradeWave,
)
from portico.firmware.rules import Target, local_moment, plan_waves, unfit
from portico.firmware.services.moving import move, move_campaign, move_wave, tell
from portico.firmware.services.pausing import end_campaign, hold_campaign
from portico.firmware.services.preparing import Candidate, begin, candidates, chunks
from portico.firmware.states import OPEN
from portico.kernel.errors import NotVisible
from portico.kernel.ids import new_id
from portico.kernel.rows import changed_meanwhile, hold
from portico.sites.enums import SiteKind
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.selectors import organization_of

# By the form of one upgrade; more go by the wizard.
MOST_CHOSEN: Final = 500
MOST_WAVES: Final = 20
# Later is a mistake of the year.
_FURTHEST: Final = timedelta(days=183)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanData:
    """What the forms of upgrades hold.

    ``name``: empty: the version. ``local_start``: ``2026-11-30T02:00`` on the clock of each site; empty: at once.
    ``window``: from and to, on the clock of each site. ``waves``: shares of all devices in
    percent, 100 together. ``follows``: the campaign whose failed devices these are.
    ``token``: of a new one: the form's own, which sent twice is one campaign; of a
    change: the ``edition`` of the campaign that was shown.
    """

    version: FirmwareVersion
    project: SiteKind
    token: uuid.UUID
    name: str = ""
    local_start: str = ""
    reset_after: bool = False
    allow_downgrade: bool = False
    window: tuple[time, time] | None = None
    waves: tuple[int, ...] = (100,)
    soak_minutes: int = 0
    error_percent: int = 20
    error_sample: int = 5
    error_cap: int = 5
    patience_hours: int = 24
    horizon_days: int = 30
    retries: int = 3
    is_simple: bool = False
    follows: UpgradeCampaign | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WavePlan:
    """How many devices a wave has, and how many of them are entrances."""

    devices: int
    entrances: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What would become of each device if it began now; nothing is changed.

    Every device is in exactly one of the numbers from ``ready`` to
    ``reset_needs_bridge``; ``offline`` ones are waited for.
    """

    total: int
    sites: int
    models: dict[str, int]
    ready: int
    offline: int
    already_current: int
    incompatible: int
    downgrade: int
    unknown_version: int
    other_campaign: int
    reset_needs_bridge: int
    waves: tuple[WavePlan, ...]
    # Beyond those that were asked for: second entrances of houses.
    extra_waves: int


@transaction.atomic
def order_upgrade(
    *, actor: User, devices: Collection[int], plan: PlanData, now: datetime
) -> UpgradeCampaign:
    """Upgrade ``devices``, which ``actor`` may manage, to the version of ``plan``.

    Many are written down by a job; until then it is being prepared.

    :raises BadPlan: the plan or the choice of devices is not possible; ``field`` says
        which.
    :raises NotVisible: one of the devices is not his.
    """
    company = hold(organization_of(actor, OrganizationKind.INSTALLER))
    known = UpgradeCampaign.objects.filter(token=plan.token, organization=company)
    if (same := known.first()) is not None:
        return same
    plan = replace(plan, version=hold(plan.version))
    targets = _targets(actor, devices, plan)
    fields = _fields(plan) | {"starts_at": _start(targets, plan, now)}
    try:
        with transaction.atomic():
            campaign = UpgradeCampaign.objects.create(
                organization=company,
                state=CampaignState.PREPARING,
                created_by=actor,
                created_by_name=str(actor.name or actor)[:127],
                token=plan.token,
                created_at=now,
                changed_at=now,
                follows=plan.follows,
                is_simple=plan.is_simple,
                **fields,
            )
    except IntegrityError:  # another company's form
        raise NotVisible from None
    begin(campaign, sorted(one.pk for one in targets), now=now)
    _note(actor, campaign, "upgrade.ordered", now, devices=len(targets))
    return campaign


def _targets(actor: User, devices: Collection[int], plan: PlanData) -> list[Candidate]:
    """:raises BadPlan, NotVisible: see :func:`order_upgrade`."""
    wanted = sorted(set(devices))
    if not wanted:
        raise BadPlan(_("Choose at least one device."), field="devices")
    if plan.is_simple and len(wanted) > MOST_CHOSEN:
        text = _("At most %(count)d devices at a time; more go by a campaign.")
        raise BadPlan(text % {"count": MOST_CHOSEN}, field="devices")
    if plan.version.known_bad:
        text = _("This version is known to be bad: %(why)s")
        raise BadPlan(text % {"why": plan.version.known_bad}, field="version")
    mine = visible_devices(actor).filter(site__kind=plan.project)
    found = candidates(mine, wanted)
    if len(found) != len(wanted):
        raise NotVisible
    return found


def _start(targets: Sequence[Candidate], plan: PlanData, now: datetime) -> datetime:
    """When the first site begins.

    :raises BadPlan: the time is none, is over, or is far away.
    """
    if not plan.local_start:
        return now
    zones = {one.time_zone for one in targets}
    try:
        first = min(local_moment(plan.local_start, zone) for zone in zones)
    except (ValueError, OverflowError):  # the latter: in the year 1 or 9999
        raise BadPlan(_("This is no date and time."), field="local_start") from None
    if first < now:
        raise BadPlan(_("This time is over."), field="local_start")
    if first > now + _FURTHEST:
        raise BadPlan(_("Choose a time within half a year."), field="local_start")
    return first


def _fields(plan: PlanData) -> dict[str, object]:
    """:raises BadPlan: the waves are not a whole."""
    if not 1 <= len(plan.waves) <= MOST_WAVES:
        text = _("At most %(count)d waves.") % {"count": MOST_WAVES}
        raise BadPlan(text, field="waves")
    if min(plan.waves) < 1 or sum(plan.waves) != 100:
        text = _("Each wave has at least 1 %, and all of them together 100 %.")
        raise BadPlan(text, field="waves")
    start, end = plan.window or (None, None)
    return {
        "version": plan.version,
        "project": plan.project,
        "name": plan.name.strip() or str(plan.version),
        "local_start": plan.local_start,
        "reset_after": plan.reset_after,
        "allow_downgrade": plan.allow_downgrade,
        "window_from": start,
        "window_to": end,
        "shares": ", ".join(map(str, plan.waves)),
        "soak_minutes": plan.soak_minutes,
        "error_percent": plan.error_percent,
        "error_sample": plan.error_sample,
        "error_cap": plan.error_cap,
        "patience_hours": plan.patience_hours,
        "horizon_days": plan.horizon_days,
        "retries": plan.retries,
    }


def dry_run(
    *, actor: User, devices: Collection[int], plan: PlanData, now: datetime
) -> DryRun:
    """What :func:`order_upgrade` would do, device by device.

    :raises BadPlan, NotVisible: as there.
    """
    found = _targets(actor, devices, plan)
    _start(found, plan, now)
    _fields(plan)
    claimed = _claimed([one.pk for one in found])
    with_bridge = set(bridges_by_site({one.site for one in found}))
    told = Counter(_fate(one, plan, claimed, with_bridge) for one in found)
    planned = plan_waves([one.target for one in found], plan.waves)
    return DryRun(
        total=len(found),
        sites=len({one.site for one in found}),
        models=dict(Counter(one.model or one.reported_model for one in found)),
        ready=told["ready"],
        offline=told[Why.OFFLINE],
        already_current=told[UpgradeState.ALREADY_CURRENT],
        incompatible=told[Why.INCOMPATIBLE],
        downgrade=told[Why.DOWNGRADE],
        unknown_version=told[Why.UNKNOWN_VERSION],
        other_campaign=told[Why.OTHER_CAMPAIGN],
        reset_needs_bridge=told[Why.RESET_NEEDS_BRIDGE],
        waves=tuple(_wave_plan(targets) for targets in planned),
        extra_waves=max(0, len(planned) - len(plan.waves)),
    )


def _wave_plan(targets: Sequence[Target]) -> WavePlan:
    entrances = sum(target.is_entrance for target in targets)
    return WavePlan(devices=len(targets), entrances=entrances)


def _fate(
    device: Candidate,
    plan: PlanData,
    claimed: Collection[int],
    with_bridge: Collection[uuid.UUID],
) -> str:
    told = unfit(
        model=device.model,
        firmware=device.firmware,
        for_model=plan.version.model,
        version=plan.version.version,
        allow_downgrade=plan.allow_downgrade,
        loses_way=plan.reset_after and device.site not in with_bridge,
    )
    if told is not None:
        state, why = told
        return why or state
    if device.pk in claimed:
        return Why.OTHER_CAMPAIGN
    if not device.is_online:
        return Why.OFFLINE
    return "ready" if device.firmware else Why.UNKNOWN_VERSION


def _claimed(device_ids: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for part in chunks(device_ids):
        rows = DeviceUpgrade.objects.filter(device__in=part, is_claimed=True)
        found.update(rows.values_list("device", flat=True))
    return found


@transaction.atomic
def change_pending(
    *,
    actor: User,
    campaign: UpgradeCampaign,
    devices: Collection[int],
    plan: PlanData,
    now: datetime,
) -> None:
    """Change what has not begun yet; the targets are chosen anew.

    :raises NotNow: it has begun. :raises ChangedMeanwhile: it is another edition now.
    :raises BadPlan, NotVisible: see :func:`order_upgrade`.
    """
    held = hold(campaign)
    if held.state == CampaignState.PREPARING:
        raise NotNow(_("This upgrade is being prepared; change it in a moment."))
    if held.state != CampaignState.SCHEDULED:
        raise NotNow(_("This upgrade has begun; it can be paused or stopped."))
    if held.edition != plan.token:
        raise changed_meanwhile()
    plan = replace(plan, version=hold(plan.version))
    targets = _targets(actor, devices, plan)
    fields = _fields(plan) | {"starts_at": _start(targets, plan, now)}
    fields |= {"edition": new_id(), "next_at": None}
    move_campaign(held, CampaignState.PREPARING, now=now, **fields)
    begin(held, sorted(one.pk for one in targets), now=now)
    _note(actor, held, "upgrade.changed", now, devices=len(targets))


@transaction.atomic
def pause(*, actor: User, campaign: UpgradeCampaign, now: datetime) -> None:
    """Offer nothing more. Twice is once.

    :raises NotNow: it does not run.
    """
    held = hold(campaign)
    if held.state == CampaignState.PAUSED:
        return
    if held.state != CampaignState.RUNNING:
        raise NotNow(_("Only an upgrade that runs can be paused."))
    hold_campaign(held, PauseReason.MANUAL, now=now)
    _note(actor, held, "upgrade.paused", now)


@transaction.atomic
def resume(
    *, actor: User, campaign: UpgradeCampaign, forgive: bool = False, now: datetime
) -> None:
    """Go on; after the error limit only who has looked at the failures (``forgive``).

    From then on only new failures count.

    :raises NotNow: it is not paused. :raises BadPlan: the failures were not looked at, or
        the version is known to be bad.
    """
    held = hold(campaign)
    if held.state == CampaignState.RUNNING:
        return
    if held.state != CampaignState.PAUSED:
        raise NotNow(_("Only a paused upgrade can go on."))
    if held.version.known_bad:
        raise BadPlan(_("The version is known to be bad."), field="version")
    if held.pause_reason == PauseReason.ERROR_LIMIT and not forgive:
        raise BadPlan(
            _("Say that you have looked at the devices that failed."), field="forgive"
        )
    waves = list(UpgradeWave.objects.filter(campaign=held))
    failed = sum(wave.failed for wave in waves)
    forgiven = failed if forgive else held.forgiven
    rows = UpgradeCampaign.objects.filter(pk=held.pk, state=CampaignState.PAUSED)
    rows.update(
        state=CampaignState.RUNNING,
        pause_reason="",
        forgiven=forgiven,
        changed_at=now,
        next_at=now,
    )
    for wave in waves:
        if wave.state == WaveState.TRIPPED:
            move_wave(wave, WaveState.RUNNING)
    tell({held.pk})
    _note(actor, held, "upgrade.resumed", now, forgiven=forgiven)


@transaction.atomic
def stop(*, actor: User, campaign: UpgradeCampaign, now: datetime) -> None:
    """Stop for good: nothing that is not being written yet will be. Twice is once.

    :raises NotNow: it is over.
    """
    held = hold(campaign)
    if held.state == CampaignState.STOPPED:
        return
    if not end_campaign_if_open(held, now=now):
        raise NotNow(_("This upgrade is over."))
    _note(actor, held, "upgrade.stopped", now)


def end_campaign_if_open(campaign: UpgradeCampaign, *, now: datetime) -> bool:
    """Stop ``campaign`` unless it is over."""
    if campaign.state in {CampaignState.COMPLETED, CampaignState.STOPPED}:
        return False
    return end_campaign(campaign, now=now)


@transaction.atomic
def hide_record(*, actor: User, upgrade: DeviceUpgrade, now: datetime) -> None:
    """Take the record of one device off the list; one that waits is cancelled.

    :raises NotNow: it is on its way.
    """
    # First, as everybody else holds it before its devices: its end may have come.
    live = UpgradeCampaign.objects.filter(pk=upgrade.campaign_id, next_at__isnull=False)
    live.update(next_at=now)
    held = hold(upgrade)
    if held.state in {UpgradeState.QUEUED, UpgradeState.WAITING}:
        move([held], UpgradeState.CANCELLED, reason=Why.STOPPED, now=now)
    elif held.state in OPEN:
        raise NotNow(_("This upgrade is on its way; wait for its end."))
    DeviceUpgrade.objects.filter(pk=held.pk).update(is_hidden=True)
    record(
        actor=actor,
        action="upgrade.removed",
        subject=held,
        organization_id=held.campaign.organization_id,
        site_id=held.site_id,
        now=now,
    )


@transaction.atomic
def hold_bad(*, version: FirmwareVersion, now: datetime) -> int:
    """The version was marked as bad: campaigns that run with it stop; how many did.

    Those that are scheduled stop when they begin.
    """
    running = UpgradeCampaign.objects.filter(
        version=version, state=CampaignState.RUNNING
    )
    return sum(
        hold_campaign(campaign, PauseReason.WITHDRAWN, now=now) for campaign in running
    )


def _note(
    actor: User,
    campaign: UpgradeCampaign,
    action: str,
    now: datetime,
    **more: int,
) -> None:
    record(
        actor=actor,
        action=action,
        subject=campaign,
        organization_id=campaign.organization_id,
        after={"version": str(campaign.version), **more},
        now=now,
    )
