"""A face from the portal to the unit that recognises it, and away again."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portico.access.models import AccessEntry, Credential, DeviceAccess, Face
from portico.devices.services.wipes import wipe_due
from portico.houses.services.turnover import reset_house
from portico.kernel.clock import utcnow
from portico.simulator.directory import HASH
from tests.access.live_house import FACE_MODEL, LiveHouse, live_house
from tests.factories.access import make_face, picture
from tests.gateway.conftest import gateway
from tests.gateway.server import RunningGateway
from tests.portals.conftest import client_of
from tests.portals.support import text_of
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]
__all__ = ["gateway"]


def pages(house: LiveHouse) -> tuple[Client, str]:
    people = f"/installer/sites/{house.site.pk}/people/{house.master.pk}/access/"
    return client_of(house.installer), people


def wait_for_reason(house: LiveHouse, credential: Credential, reason: str) -> None:
    def is_said() -> bool:
        house.tick()
        return house.entry(credential).reason == reason

    eventually(is_said, f"{AccessEntry.objects.values()} {house.log}")


def test_a_face_from_the_portal_opens_and_revoked_does_not(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path, model=FACE_MODEL) as house:
        browser, page = pages(house)
        name = house.master.user.name
        assert not house.show("face", user=name)
        file = SimpleUploadedFile("me.png", picture(900, 900, kind="PNG"))
        browser.post(f"{page}new/face/", {"photo": file})
        house.settle()
        assert house.show("face", user=name)
        assert "On Front door" in text_of(browser.get(page))
        sent = hashlib.sha256(Face.objects.get().jpeg).hexdigest()
        [user] = house.users()
        assert user[HASH] == sent == Face.objects.get().sha256
        # The address was for the unit, and for that moment.
        assert user["FaceUrl"].startswith(f"http://{house.process.listen}/f/")
        assert httpx.get(user["FaceUrl"], trust_env=False).status_code == 404

        # Read again, it is known and fetched no second time.
        access = DeviceAccess.objects.filter(device=house.device)
        before = access.get().confirmed_at
        access.update(next_try_at=utcnow())
        eventually(lambda: house.after_tick(access).confirmed_at != before)
        assert house.users() == [user]

        made = Credential.objects.get()
        browser.post(f"{page}{made.pk}/revoke/")
        house.settle()
        assert not house.show("face", user=name)
        assert house.users() == []
        assert "revoked on server" in text_of(browser.get(page))
    assert user["FaceUrl"] not in str(house.log)


def test_another_photo_takes_the_place_on_the_unit(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path, model=FACE_MODEL) as house:
        make_face(house.master, house.installer)
        house.settle()
        [former] = house.users()
        browser, page = pages(house)
        file = SimpleUploadedFile("me.jpg", picture(colour="orange"))
        browser.post(f"{page}new/face/", {"photo": file})
        house.settle()
        [user] = house.users()
        assert user[HASH] == Face.objects.get().sha256 != former[HASH]
        reset_house(actor=house.installer, site=house.site, now=utcnow())
        wipe_due(now=utcnow())
        eventually(lambda: house.users_after_tick() == [])
        assert not Face.objects.exists()


def test_a_unit_without_faces_says_so_of_that_entry_alone(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path, model=FACE_MODEL) as house:
        # The catalogue may be wrong about a firmware: this one drops the field.
        core = house.unit.unit.core
        core.model = replace(core.model, action_urls=frozenset())
        pin = house.give(value="246802")
        house.settle()
        made = make_face(house.master, house.installer)
        wait_for_reason(house, made, "no_faces")
        assert house.entry(pin).confirmed_at is not None
        assert house.show("pin", code="246802")
        browser, page = pages(house)
        assert "takes no face photos" in text_of(browser.get(page))


@pytest.mark.parametrize("fault", ["face_not_fetched", "broken"])
def test_a_unit_that_does_not_get_the_photo_is_not_believed(
    fault: str,
    gateway: RunningGateway,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with live_house(gateway, tmp_path, model=FACE_MODEL) as house:
        if fault == "broken":
            # Its reading fails, so that it answers no to the entry.
            monkeypatch.setattr("portico.simulator.faces._END", b"?")
        else:
            # It keeps the address, and would show it back.
            house.unit.unit.core.faults.add(fault)
        pin = house.give(value="246802")
        house.settle()
        made = make_face(house.master, house.installer)
        wait_for_reason(house, made, "no_photo")
        assert house.entry(made).confirmed_at is None
        assert house.entry(pin).confirmed_at is not None
        assert house.show("pin", code="246802")
        browser, page = pages(house)
        assert "did not take the photo" in text_of(browser.get(page))
        house.unit.unit.core.faults.clear()
        monkeypatch.undo()
        DeviceAccess.objects.update(next_try_at=utcnow())
        house.settle()
        assert house.show("face", user=house.master.user.name)
