"""The app through the months of a house: trial, activation, expiry, renewal (SITE-2, 10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from portico.accounts.services.app_sessions import open_session
from portico.devices.enums import DenialReason
from portico.devices.models import Command
from portico.kernel.clock import utcnow
from portico.sites.enums import Feature
from portico.sites.models import Entitlement, Resident
from portico.sites.services.entitlements import grant, months_later
from tests.appapi.support import V3, App, House
from tests.factories import make_family_member, set_prices

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

START = datetime(2027, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = {
    "Description": "Courier",
    "SchedulerType": "3",
    "AllowedTimes": "1",
    "StartTime": "00:00:00",
    "StopTime": "23:59:59",
}


@pytest.fixture
def house(db: None) -> House:
    """A house with a premium plan and landlines, of whose services none has begun."""
    house = House()
    Entitlement.objects.all().delete()
    site = house.site
    site.premium_plan = site.landline_service = True
    site.landline_1 = "+442071234567"
    site.save()
    set_prices(app=100, premium=200, additional_app=300)
    return house


def app_of(resident: Resident) -> App:
    tokens = open_session(user=resident.user, client="test", now=utcnow())
    return App(tokens.token)


def seen(resident: Resident) -> tuple[int, list[str]]:
    """Whether the app says that the service has ended, and its landlines."""
    conf = app_of(resident).get("/userconf")["datas"]["app_conf"]
    return conf["account_expire"], conf["landline"]


def tap(house: House, resident: Resident) -> str:
    """What becomes of a tap on the front door's button; there is no bridge online."""
    app_of(resident).post("/opendoor", mac=house.door.mac, relay="0")
    return Command.objects.latest("requested_at").reason


def new_key(house: House, resident: Resident) -> int:
    day = f"{utcnow():%Y-%m-%d}"
    form = KEY | {
        "StartDay": day,
        "StopDay": day,
        "MAC[0][MAC]": house.door.mac,
        "MAC[0][Relay]": "0",
        "MAC[0][SecurityRelay]": "",
    }
    app = app_of(resident)
    reply = app.post(f"{V3}/single/tempKey/addPersonalTempKey", **form)
    code: int = reply["code"]
    return code


def test_a_house_through_trial_activation_expiry_and_renewal(house: House) -> None:
    site, master = house.site, house.resident
    denied, lines = str(DenialReason.NO_SERVICE), ["+442071234567"]
    with time_machine.travel(START, tick=True):
        assert seen(master) == (1, [])  # nothing is activated
        assert tap(house, master) == denied
        assert new_key(house, master) != 0
        Entitlement.objects.create(
            site=site,
            feature=Feature.APP,
            starts_at=START,
            ends_at=START + 7 * DAY,
            is_trial=True,
        )
        assert seen(master) == (0, [])
        assert tap(house, master) != denied
        assert new_key(house, master) == 0
        # Activated during the trial: the months follow it.
        for feature in (Feature.APP, Feature.PREMIUM):
            grant(actor=None, site=site, feature=feature, months=1, now=utcnow())
        assert seen(master) == (0, lines)
    premium_ends = months_later(START, 1)
    app_ends = months_later(START + 7 * DAY, 1)
    with time_machine.travel(premium_ends + DAY, tick=True):
        assert seen(master) == (0, [])  # the app goes on, the plan does not
        assert tap(house, master) != denied
    with time_machine.travel(app_ends - DAY, tick=True):
        assert seen(master)[0] == 0
    with time_machine.travel(app_ends + DAY, tick=True):
        assert seen(master) == (1, [])
        assert tap(house, master) == denied
        assert new_key(house, master) != 0
        for feature in (Feature.APP, Feature.PREMIUM):
            grant(actor=None, site=site, feature=feature, months=3, now=utcnow())
        assert seen(master) == (0, lines)
        assert tap(house, master) != denied


def test_a_fourth_member_opens_nothing_until_he_is_paid_for(house: House) -> None:
    site = house.site
    grant(actor=None, site=site, feature=Feature.APP, months=None, now=utcnow())
    members = [make_family_member(site, house.installer) for _ in range(4)]
    denied = str(DenialReason.NO_SERVICE)
    for member in members[:3]:
        assert seen(member)[0] == 0
    extra = members[3]
    assert seen(extra)[0] == 1
    assert tap(house, extra) == denied
    assert new_key(house, extra) != 0
    grant(
        actor=None,
        site=site,
        feature=Feature.ADDITIONAL_APP,
        resident=extra,
        months=1,
        now=utcnow(),
    )
    assert seen(extra)[0] == 0
    assert tap(house, extra) != denied
