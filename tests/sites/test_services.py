"""Services of a house through the months: trial, activation, expiry, renewal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.kernel.errors import NotVisible
from portico.sites.enums import (
    ClipAccess,
    ClipDays,
    Feature,
    ServiceState,
    VideoStart,
)
from portico.sites.errors import BadPeriod, PlanNeeded, TrialUsed
from portico.sites.models import Entitlement, Resident, Site, VideoPlan
from portico.sites.rules import (
    Service,
    clips_of,
    live_landlines,
    premium_missing,
    served_people,
    service,
    uses_premium,
)
from portico.sites.services.entitlements import end_service, grant, months_later
from portico.sites.services.registration import HouseData, register_house
from portico.sites.services.video import VideoData, set_video
from tests.factories import (
    make_community,
    make_family_member,
    make_installer,
    make_site,
    set_prices,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def ida(db: None) -> User:
    return make_installer("ida")


@pytest.fixture
def site(ida: User) -> Site:
    """A house where everything costs something, so that nothing runs by itself."""
    set_prices(app=100, premium=200, video=300, additional_app=400)
    data = HouseData(name="Ryan", email="ryan@example.com", premium_plan=True)
    return register_house(actor=ida, data=data, now=START)


def held(
    site: Site, feature: Feature, now: datetime, person: int | None = None
) -> Service:
    return service(site.entitlements.all(), feature, now, resident_id=person)


def test_months_end_on_the_same_day_or_the_last_of_a_short_month() -> None:
    assert months_later(START, 1) == START.replace(month=2, day=28)
    assert months_later(START, 12) == START.replace(year=2027)
    assert months_later(START, 13) == START.replace(year=2027, month=2, day=28)
    assert months_later(START, 60) == START.replace(year=2031)


def test_a_house_from_inactive_through_expiry_to_renewal(site: Site) -> None:
    app = Feature.APP
    assert held(site, app, START) == Service(ServiceState.INACTIVE)
    grant(actor=None, site=site, feature=app, months=1, now=START)
    end = months_later(START, 1)
    assert held(site, app, START) == Service(ServiceState.ACTIVE, end)
    # Renewed before the end: the months follow each other.
    grant(actor=None, site=site, feature=app, months=2, now=START + DAY)
    assert held(site, app, START) == Service(ServiceState.ACTIVE, months_later(end, 2))
    gone = months_later(end, 2)
    assert held(site, app, gone - timedelta(seconds=1)).is_served
    assert held(site, app, gone) == Service(ServiceState.EXPIRED, gone)
    # Renewed too late: the months begin now.
    late = gone + 10 * DAY
    grant(actor=None, site=site, feature=app, months=1, now=late)
    assert held(site, app, late) == Service(ServiceState.ACTIVE, months_later(late, 1))
    assert held(site, app, gone + DAY).state == ServiceState.EXPIRED


def test_one_key_is_granted_once_and_good_for_ever_stays(site: Site) -> None:
    for _ in range(3):
        grant(
            actor=None,
            site=site,
            feature=Feature.APP,
            months=1,
            key="order-7",
            now=START,
        )
    assert held(site, Feature.APP, START).ends_at == months_later(START, 1)
    assert AuditEntry.objects.filter(action="service.granted").count() == 1
    grant(actor=None, site=site, feature=Feature.APP, months=None, now=START)
    assert held(site, Feature.APP, START) == Service(ServiceState.ACTIVE, None)
    before = Entitlement.objects.count()
    grant(actor=None, site=site, feature=Feature.APP, months=60, now=START)
    assert Entitlement.objects.count() == before


@pytest.mark.parametrize("months", [0, -1, 61])
def test_no_other_periods(site: Site, months: int) -> None:
    with pytest.raises(BadPeriod):
        grant(actor=None, site=site, feature=Feature.APP, months=months, now=START)
    assert not site.entitlements.exists()


def test_an_ended_service_is_over_with_what_was_granted_for_later(site: Site) -> None:
    for _ in range(2):
        grant(actor=None, site=site, feature=Feature.APP, months=1, now=START)
    end_service(actor=None, site=site, feature=Feature.APP, now=START + DAY)
    later = START + 2 * DAY
    assert held(site, Feature.APP, later) == Service(ServiceState.EXPIRED, START + DAY)
    assert site.entitlements.count() == 1
    end_service(actor=None, site=site, feature=Feature.APP, now=later)
    assert held(site, Feature.APP, later).ends_at == START + DAY


def test_an_additional_app_belongs_to_one_member_of_the_house(
    ida: User, site: Site
) -> None:
    grant(actor=None, site=site, feature=Feature.APP, months=None, now=START)
    members = [make_family_member(site, ida) for _ in range(5)]
    master = site.residents.get(role="master")

    def served(now: datetime) -> set[int]:
        people = list(Resident.objects.filter(site=site))
        return served_people(site, people, list(site.entitlements.all()), now)

    free = {master.pk, *(one.pk for one in members[:3])}
    assert served(START) == free
    extra = members[4]
    grant(
        actor=None,
        site=site,
        feature=Feature.ADDITIONAL_APP,
        resident=extra,
        months=1,
        now=START,
    )
    assert served(START) == free | {extra.pk}
    assert served(months_later(START, 1)) == free
    # A free place that is left goes to the oldest who waits for one.
    members[0].delete()
    assert served(START) == {master.pk} | {one.pk for one in members[1:]}
    end_service(actor=None, site=site, feature=Feature.APP, now=START + DAY)
    assert served(START + DAY) == set()
    other = make_site(ida)
    with pytest.raises(NotVisible):
        grant(
            actor=None,
            site=other,
            feature=Feature.ADDITIONAL_APP,
            resident=extra,
            months=1,
            now=START,
        )
    with pytest.raises(NotVisible):
        grant(
            actor=None,
            site=site,
            feature=Feature.APP,
            resident=extra,
            months=1,
            now=START,
        )


def test_a_community_has_no_services(ida: User) -> None:
    park = make_community(ida)
    with pytest.raises(NotVisible):
        grant(actor=None, site=park, feature=Feature.APP, months=1, now=START)


def test_landlines_and_cameras_need_the_premium_plan_to_run(site: Site) -> None:
    site.landline_1, site.landline_3 = "+4940111", "+4940333"
    site.landline_service = True

    def missing(now: datetime) -> str:
        return str(premium_missing(site, site.entitlements.all(), now) or "")

    assert "not activated yet" in missing(START)
    assert live_landlines(site, site.entitlements.all(), START) == []
    grant(actor=None, site=site, feature=Feature.PREMIUM, months=1, now=START)
    assert missing(START) == ""
    assert uses_premium(site, site.entitlements.all(), START)
    assert live_landlines(site, site.entitlements.all(), START) == [
        "+4940111",
        "+4940333",
    ]
    gone = months_later(START, 1)
    assert "has expired" in missing(gone)
    assert live_landlines(site, site.entitlements.all(), gone) == []
    site.premium_plan = False
    assert "does not have" in missing(START)
    site.premium_plan, site.landline_service = True, False
    assert live_landlines(site, site.entitlements.all(), START) == []


def test_what_costs_nothing_runs_at_once_for_good(ida: User) -> None:
    data = HouseData(
        name="Ryan",
        email="ryan@example.com",
        premium_plan=True,
        video=VideoData(start=VideoStart.SUBSCRIBE, days=ClipDays.DAYS_90),
    )
    site = register_house(actor=ida, data=data, now=START)
    for feature in (Feature.APP, Feature.PREMIUM):
        assert held(site, feature, START) == Service(ServiceState.ACTIVE, None)
    # The free days come first, and nothing ends after them.
    assert held(site, Feature.VIDEO, START) == Service(ServiceState.TRIAL, None)
    assert held(site, Feature.VIDEO, START + 8 * DAY).state == ServiceState.ACTIVE
    assert VideoPlan.objects.get().days == 90


def test_video_from_trial_to_clips_that_are_gone(ida: User, site: Site) -> None:
    video = VideoData(start=VideoStart.TRIAL, days=ClipDays.DAYS_90, device_count=2)
    set_video(actor=ida, site=site, data=video, now=START)
    assert VideoPlan.objects.get().days == 30  # a trial keeps them for 30 days
    week = START + 7 * DAY
    assert held(site, Feature.VIDEO, START) == Service(ServiceState.TRIAL, week)

    def clips(now: datetime) -> tuple[ClipAccess, datetime | None]:
        found = clips_of(site.entitlements.all(), now)
        return found.access, found.until

    assert clips(START) == (ClipAccess.VIEW, week)
    assert clips(week) == (ClipAccess.DOWNLOAD, week + 30 * DAY)
    assert clips(week + 30 * DAY) == (ClipAccess.NONE, None)
    # Subscribed before the trial ended: chosen, and it goes on once it is granted.
    subscribed = VideoData(start=VideoStart.SUBSCRIBE, days=ClipDays.DAYS_60)
    set_video(actor=ida, site=site, data=subscribed, now=START + DAY)
    assert VideoPlan.objects.get().days == 60
    assert held(site, Feature.VIDEO, week).state == ServiceState.EXPIRED
    grant(actor=None, site=site, feature=Feature.VIDEO, months=1, now=START + DAY)
    end = months_later(week, 1)
    assert held(site, Feature.VIDEO, week) == Service(ServiceState.ACTIVE, end)
    assert clips(week) == (ClipAccess.VIEW, end)
    # Switched off: over at once, and no second trial.
    off = week + DAY
    set_video(actor=ida, site=site, data=None, now=off)
    assert clips(off) == (ClipAccess.DOWNLOAD, off + 30 * DAY)
    assert not VideoPlan.objects.exists()
    with pytest.raises(TrialUsed):
        set_video(actor=ida, site=site, data=video, now=off)
    assert not VideoPlan.objects.exists()


def test_video_is_refused_without_the_plan(ida: User, site: Site) -> None:
    site.premium_plan = False
    with pytest.raises(PlanNeeded, match="part of the Premium Plan"):
        set_video(actor=ida, site=site, data=VideoData(), now=START)
    assert not site.entitlements.exists()
