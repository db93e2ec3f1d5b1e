"""Lists of who may open go to the house's own bridge, for its own orders, alone."""

from __future__ import annotations

import uuid

import httpx
import pytest

from portico.access.models import AccessEntry, DeviceAccess, Face
from portico.access.services.credentials import revoke_credential
from portico.access.services.ordering import order_due
from portico.devices.enums import CommandKind
from portico.devices.models import Command
from portico.kernel.clock import to_ms, utcnow
from portico.protocols.bridge import messages as wire
from portico.protocols.bridge import signing
from portico.protocols.bridge.access import (
    AccessReport,
    Refusal,
    ReportState,
    encode,
    read_list,
)
from tests.access.live_house import FACE_MODEL, METHODS, WITH_FACE, door
from tests.factories import (
    make_device,
    make_installer,
    make_seen,
    make_site,
    run_jobs,
)
from tests.factories.access import make_credential, make_face
from tests.gateway.bridges import HandBridge, enrol
from tests.gateway.server import RunningGateway
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]


class House:
    def __init__(self, gateway: RunningGateway, model: str = "R20A") -> None:
        self.gateway = gateway
        self.installer = make_installer()
        self.site = make_site(self.installer)
        self.device = make_device(
            self.site,
            self.installer,
            model=model,
            relays=[door(1, *(WITH_FACE if model == FACE_MODEL else METHODS))],
        )
        make_seen(self.device)
        self.bridge_id, self.key, _ = enrol(gateway, self.site, self.installer)

    def ask(
        self,
        command: uuid.UUID,
        method: str = "GET",
        body: bytes = b"",
        *,
        key: bytes = b"",
        signed: bytes | None = None,
        part: str = "",
        named: str | None = None,
    ) -> httpx.Response:
        path = f"{command}/{part}" if part else str(command)
        means = f"{method} {part}".strip() if named is None else named
        signature = signing.sign_access(
            key or self.key,
            command,
            method=means,
            body=body if signed is None else signed,
        )
        return httpx.request(
            method,
            f"{self.gateway.base}/bridge/v1/access/{path}",
            content=body,
            headers={
                "Portico-Bridge": str(self.bridge_id),
                "Portico-Signature": signing.to_base64url(signature),
            },
            trust_env=False,
        )

    def report(self, command: uuid.UUID, **fields: object) -> int:
        known: dict[str, object] = {
            "state": ReportState.DONE,
            "reason": "",
            "revision": "r",
            "at": to_ms(utcnow()),
        }
        body = encode(AccessReport(**(known | fields)))  # type: ignore[arg-type]
        return self.ask(command, "POST", body).status_code

    def order(self, box: HandBridge) -> wire.Command:
        """The order to write, which goes at once when a PIN is given."""
        master = self.site.residents.get()
        make_credential(master, self.installer, value="246802")
        told: wire.Command = box.expect(wire.Command)
        assert told.kind == CommandKind.SYNC_ACCESS
        assert told.data == {}
        return told


def test_the_list_is_the_bridges_own(gateway: RunningGateway) -> None:
    house, other = House(gateway), House(gateway)
    with HandBridge(gateway, house.bridge_id, house.key) as box:
        box.authenticate()
        eventually(lambda: house.site.bridges.filter(is_online=True).exists())
        told = house.order(box)
        found = read_list(house.ask(told.id).content)
        assert [user.pins for user in found.users] == [("246802",)]
        # Another house's bridge, another's key, a signature of something else, no order.
        assert other.ask(told.id).status_code == 404
        assert house.ask(told.id, key=other.key).status_code == 404
        assert house.ask(told.id, signed=b"x").status_code == 404
        assert house.ask(uuid.uuid4()).status_code == 404
        assert other.report(told.id) == 404
        assert house.ask(told.id, "PUT").status_code == 405
        assert house.ask(told.id, "POST", b"{}").status_code == 422
        # Only an order to write opens the list.
        Command.objects.update(kind=CommandKind.FETCH_CONFIGURATION)
        assert house.ask(told.id).status_code == 404
    assert DeviceAccess.objects.get(device=house.device).state == "writing"


def test_a_report_confirms_what_is_wanted_now_and_nothing_else(
    gateway: RunningGateway,
) -> None:
    house = House(gateway)
    with HandBridge(gateway, house.bridge_id, house.key) as box:
        box.authenticate()
        eventually(lambda: house.site.bridges.filter(is_online=True).exists())
        told = house.order(box)
        user = read_list(house.ask(told.id).content).users[0]
        access = DeviceAccess.objects.filter(device=house.device)
        assert house.report(told.id, state=ReportState.WORKING) == 204
        assert access.get().state == "writing"
        # About something older: nothing is proved, and it is asked for again.
        assert house.report(told.id, present=(f"{user.id}:older",)) == 204
        assert AccessEntry.objects.get().confirmed_at is None
        assert access.get().state == "pending"
        refused = (Refusal(user.id, "full"),)
        assert house.report(told.id, refused=refused) == 204
        assert AccessEntry.objects.get().reason == "full"
        assert access.get().state == "failed"
        present = (f"{user.id}:{user.tag}",)
        assert house.report(told.id, present=present, total=4, foreign=3) == 204
        entry = AccessEntry.objects.get()
        assert entry.confirmed_at is not None
        assert entry.reason == ""
        assert (access.get().state, access.get().foreign) == ("done", 3)
        # The same once more changes nothing.
        assert house.report(told.id, present=present, total=4, foreign=3) == 204
        assert AccessEntry.objects.get().confirmed_at == entry.confirmed_at


def test_a_bridge_of_before_is_not_asked_all_the_time(gateway: RunningGateway) -> None:
    house = House(gateway)
    with HandBridge(gateway, house.bridge_id, house.key) as box:
        box.authenticate()
        eventually(lambda: house.site.bridges.filter(is_online=True).exists())
        told = house.order(box)
        failed = wire.CommandState.FAILED
        box.send(wire.CommandResult(told.id, failed, "bad_command", to_ms(utcnow()), 1))
        box.expect(wire.Ack)
        run_jobs()
        access = DeviceAccess.objects.get(device=house.device)
        assert (access.state, access.reason) == ("failed", "bad_command")
        order_due(now=utcnow())
        assert Command.objects.filter(kind=CommandKind.SYNC_ACCESS).count() == 1


def test_a_photo_is_given_for_its_order_alone(gateway: RunningGateway) -> None:
    house, other = House(gateway, FACE_MODEL), House(gateway, FACE_MODEL)
    stranger = make_face(other.site.residents.get(), other.installer)
    with HandBridge(gateway, house.bridge_id, house.key) as box:
        box.authenticate()
        eventually(lambda: house.site.bridges.filter(is_online=True).exists())
        made = make_face(house.site.residents.get(), house.installer)
        told = box.expect(wire.Command)
        [user] = read_list(house.ask(told.id).content).users
        kept = Face.objects.get(credential=made)
        assert user.face is not None
        assert (user.face.sha256, user.face.size) == (kept.sha256, kept.size)
        part = f"faces/{user.id}"
        given = house.ask(told.id, part=part)
        assert given.content == kept.jpeg
        assert given.headers["Cache-Control"] == "no-store"
        assert given.headers["Content-Type"] == "image/jpeg"
        # The signature of the list, of another photo, another's bridge, and no photo.
        assert house.ask(told.id, part=part, named="GET").status_code == 404
        assert house.ask(told.id, part=part, named="GET faces/PT-C0").status_code == 404
        assert other.ask(told.id, part=part).status_code == 404
        assert house.ask(told.id, part=f"faces/{stranger.entry_id}").status_code == 404
        assert house.ask(told.id, part="faces/PT-K1").status_code == 404
        assert house.ask(told.id, "POST", b"{}", part=part).status_code == 405
        revoke_credential(actor=house.installer, credential=made, now=utcnow())
        assert house.ask(told.id, part=part).status_code == 404


def test_a_bridge_that_knows_no_faces_confirms_none(gateway: RunningGateway) -> None:
    house = House(gateway, FACE_MODEL)
    with HandBridge(gateway, house.bridge_id, house.key) as box:
        box.authenticate()
        eventually(lambda: house.site.bridges.filter(is_online=True).exists())
        make_face(house.site.residents.get(), house.installer)
        told = box.expect(wire.Command)
        [user] = read_list(house.ask(told.id).content).users
        assert house.report(told.id, present=(f"{user.id}:{user.tag}",)) == 204
        assert AccessEntry.objects.get().confirmed_at is None
        assert AccessEntry.objects.get().reason == "bad_command"
        order_due(now=utcnow())
        assert Command.objects.filter(kind=CommandKind.SYNC_ACCESS).count() == 1
        assert house.report(told.id, present=(user.mark,)) == 204
        assert AccessEntry.objects.get().confirmed_at is not None
        [user] = read_list(house.ask(told.id).content).users
        assert user.face is not None
        assert user.face.held
