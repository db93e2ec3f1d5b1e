"""Visitors' keys whose QR code changes all the time (LOG-2)."""

from __future__ import annotations

import html
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone

from portico.access.enums import Repeat
from portico.access.links import visitor_word
from portico.access.models import AccessEntry, HeldValue, TempKey
from portico.access.services.temp_keys import Hours, revoke_temp_key
from portico.accounts.models import User
from portico.devices.enums import AccessMethod
from portico.devices.models import Bridge, Device
from portico.gateway.roster_keys import codes_of
from portico.kernel.clock import utcnow
from portico.kernel.qr import qr_png
from portico.protocols.bridge.messages import Guest
from portico.protocols.rolling import PERIOD, code_at
from portico.sites.models import Site
from tests.access.live_house import door
from tests.factories import make_device, make_installer, make_site
from tests.factories.access import make_dynamic_key, make_key
from tests.factories.cameras import end_premium, make_premium
from tests.portals.conftest import client_of
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


class House:
    def __init__(self) -> None:
        self.installer: User = make_installer()
        self.site: Site = make_site(self.installer)
        doors = [door(1), door(2, AccessMethod.PIN)]
        self.device: Device = make_device(
            self.site, self.installer, model="X916", relays=doors
        )
        self.reader, self.blind = self.device.relays.order_by("number")
        self.browser: Client = client_of(self.installer)
        self.url = f"/installer/sites/{self.site.pk}/keys/"

    def post(self, *relays: int) -> Any:
        now = timezone.localtime()
        data = {
            "name": "Gran",
            "repeat": "never",
            "starts_at": f"{now:%Y-%m-%dT%H:%M}",
            "ends_at": f"{now + timedelta(days=2):%Y-%m-%dT%H:%M}",
            "uses_allowed": "2",
            "is_dynamic": "on",
            "relays": [str(pk) for pk in relays],
        }
        return self.browser.post(f"{self.url}new/", data, follow=True)

    def told(self) -> list[Guest]:
        """What the house's bridge is told of keys with conditions."""
        site = Site.objects.get(pk=self.site.pk)
        codes = codes_of([Bridge(pk=uuid.UUID(int=1), site=site)]).values()
        assert not [guest for each in codes for guest in each.guests]
        return [guest for each in codes for guest in each.keys]


@pytest.fixture
def house() -> House:
    return House()


def codes_now(key: TempKey) -> list[bytes]:
    """The pictures that may stand on the page of ``key`` now."""
    number = int(utcnow().timestamp()) // PERIOD
    secret = bytes.fromhex(key.secret)
    return [qr_png(code_at(secret, each)) for each in (number, number - 1)]


def test_it_needs_the_plan_and_a_reader(house: House) -> None:
    refused = house.post(house.reader.pk)
    [why] = refused.context["form"].errors["is_dynamic"]
    assert "part of the Premium Plan" in why
    make_premium(house.site)
    refused = house.post(house.reader.pk, house.blind.pk)
    [why] = refused.context["form"].errors["relays"]
    assert why == "These doors do not read QR codes: Door 2."
    assert not TempKey.objects.exists()


def test_the_visitor_gets_a_page_with_the_code_of_the_moment(house: House) -> None:
    make_premium(house.site)
    page = house.post(house.reader.pk)
    key = TempKey.objects.get()
    assert (key.pin, key.uses_in_all) == ("", 2)
    assert not HeldValue.objects.exists()
    link = re.search(r"http://testserver(/key/[^\"<]+)", page.content.decode())
    assert link is not None
    address = html.unescape(link[1])

    visitor = Client()
    shown = visitor.get(address)
    assert "Gran" in text_of(shown)
    assert shown["Cache-Control"] == "private, no-store"
    assert key.secret not in shown.content.decode()
    picture = visitor.get(f"{address}code.png")
    assert picture.content in codes_now(key)
    assert picture["Cache-Control"] == "private, no-store"
    # The installer sees the same one on the key's page.
    own = house.browser.get(f"{house.url}{key.pk}/qr.png")
    assert own.content in codes_now(key)
    # A page that stands there already is sent no second time.
    part = f"{address}?shown={shown.context['shown']}"
    assert visitor.get(part, headers={"hx-request": "true"}).status_code in {200, 204}


def test_a_page_that_says_nothing_new_is_not_sent_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utcnow()
    monkeypatch.setattr("portico.portals.shared.views.visitor_key.utcnow", lambda: now)
    address = f"/key/{visitor_word(make_dynamic_key(house.device, house.installer))}/"
    visitor = Client(headers={"hx-request": "true"})
    shown = visitor.get(address).context["shown"]
    assert visitor.get(f"{address}?shown={shown}").status_code == 204
    now += timedelta(seconds=PERIOD)
    later = visitor.get(f"{address}?shown={shown}")
    assert later.status_code == 200
    assert later.context["shown"] != shown


def test_a_key_that_opens_nothing_shows_no_code(house: House) -> None:
    key = make_dynamic_key(house.device, house.installer)
    address = f"/key/{visitor_word(key)}/"
    visitor = Client()
    assert visitor.get(f"{address}code.png").status_code == 200

    def refused(words: str) -> None:
        assert words in text_of(visitor.get(address))
        assert visitor.get(f"{address}code.png").status_code == 404

    end_premium(house.site)
    refused("opens nothing at the moment")
    make_premium(house.site)
    TempKey.objects.update(starts_at=utcnow() + timedelta(minutes=5))
    refused("as soon as the key begins")
    TempKey.objects.update(starts_at=utcnow() - timedelta(hours=1))
    revoke_temp_key(actor=house.installer, key=key, now=utcnow())
    refused("opens nothing any more")


def test_an_address_is_of_one_key_alone(house: House) -> None:
    dynamic = make_dynamic_key(house.device, house.installer)
    plain = make_key(house.device, house.installer)
    word = visitor_word(dynamic)
    forged = [
        visitor_word(plain),
        word.replace(str(dynamic.pk), str(plain.pk), 1),
        f"{word}x",
        str(dynamic.pk),
        signing.Signer(salt="another").sign(str(dynamic.pk)),
    ]
    for each in forged:
        assert Client().get(f"/key/{each}/").status_code == 404
        assert Client().get(f"/key/{each}/code.png").status_code == 404
    assert Client().get(f"/key/{word}/").status_code == 200
    assert Client().post(f"/key/{word}/").status_code == 405


def test_the_bridge_is_told_its_secret_for_readers_alone(house: House) -> None:
    key = make_dynamic_key(
        house.device,
        house.installer,
        uses_allowed=None,
        hours=Hours(repeat=Repeat.DAILY),
    )
    [told] = house.told()
    assert (told.secret.hex(), told.period, told.only) == (key.secret, PERIOD, "qr")
    assert told.relays == (house.reader.number,)
    # It repeats without a count: a unit would hold it, if it could check it.
    assert not AccessEntry.objects.exists()
    end_premium(house.site)
    assert house.told() == []


def test_the_app_gets_its_picture_and_no_digits(house: House) -> None:
    from portico.appapi.views.keys import _line

    key = make_dynamic_key(house.device, house.installer)
    line = _line(key, house.site.residents.get().user)
    assert line["TmpKey"] == ""
    assert Client().get(line["QrCodeUrl"]).content in codes_now(key)
