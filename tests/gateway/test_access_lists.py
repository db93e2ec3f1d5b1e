"""Lists of who may open go to the house's own bridge, for its own orders, alone."""

from __future__ import annotations

import uuid

import httpx
import pytest

from portico.access.models import AccessEntry, DeviceAccess
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
from tests.access.live_house import door
from tests.factories import (
    make_device,
    make_installer,
    make_seen,
    make_site,
    run_jobs,
)
from tests.factories.access import make_credential
from tests.gateway.bridges import HandBridge, enrol
from tests.gateway.server import RunningGateway
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]


class House:
    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway = gateway
        self.installer = make_installer()
        self.site = make_site(self.installer)
        self.device = make_device(
            self.site, self.installer, model="R20A", relays=[door(1)]
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
    ) -> httpx.Response:
        signature = signing.sign_access(
            key or self.key,
            command,
            method=method,
            body=body if signed is None else signed,
        )
        return httpx.request(
            method,
            f"{self.gateway.base}/bridge/v1/access/{command}",
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
