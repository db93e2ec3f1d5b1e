"""Video Storage of a house: switched on, changed, switched off (SITE-3)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.sites.enums import ClipDays, Feature, ServiceState, VideoStart
from portico.sites.models import Site, VideoPlan
from portico.sites.rules import check_plan, service
from portico.sites.selectors import video_plan_of
from portico.sites.services.entitlements import (
    begin_trial,
    end_service,
    give_if_free,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoData:
    """What the step Video Storage holds. A trial keeps clips for 30 days."""

    start: VideoStart = VideoStart.TRIAL
    days: ClipDays = ClipDays.DAYS_30
    device_count: int = 1
    call_audio: bool = False


@transaction.atomic
def set_video(
    *, actor: User, site: Site, data: VideoData | None, now: datetime
) -> None:
    """Switch Video Storage on, change it, or switch it off (None).

    It begins with 7 free days. After them it goes on if it was subscribed to: for good
    where it costs nothing, else once it is paid. Switched off it ends at once; clips can
    be fetched for 30 days more.

    :raises PlanNeeded: the house has no Premium Plan.
    :raises TrialUsed: a trial was asked for, and the house has had its free days.
    """
    plan = video_plan_of(site)
    before = _words(plan)
    if data is None:
        if plan is None:
            return
        plan.delete()
        end_service(actor=actor, site=site, feature=Feature.VIDEO, now=now)
        _record(actor, site, before, {}, now)
        return
    check_plan(premium=site.premium_plan, video=True)
    held = service(site.entitlements.all(), Feature.VIDEO, now)
    is_trial = data.start == VideoStart.TRIAL
    if held.state == ServiceState.INACTIVE or (
        is_trial and plan is None and not held.is_served
    ):
        begin_trial(actor=actor, site=site, now=now)
    if not is_trial:
        give_if_free(site=site, feature=Feature.VIDEO, now=now)
    fields = asdict(data) | ({"days": ClipDays.DAYS_30} if is_trial else {})
    plan, _ = VideoPlan.objects.update_or_create(site=site, defaults=fields)
    if before != _words(plan):
        _record(actor, site, before, _words(plan), now)


def _words(plan: VideoPlan | None) -> dict[str, object]:
    if plan is None:
        return {}
    names = ("start", "days", "device_count", "call_audio")
    return {name: getattr(plan, name) for name in names}


def _record(
    actor: User,
    site: Site,
    before: dict[str, object],
    after: dict[str, object],
    now: datetime,
) -> None:
    record(
        actor=actor,
        action="site.video_set",
        subject=site,
        organization_id=site.organization_id,
        site_id=site.pk,
        before=before,
        after=after,
        now=now,
    )
