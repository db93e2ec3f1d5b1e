"""Messages to indoor monitors, over real sockets: to the simulator's and to a bare one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from portico.devices.models import Device, Presence
from portico.gateway import monitor_messages
from portico.messaging.enums import ReceiptState
from portico.messaging.models import Message, Receipt
from portico.messaging.services import monitors
from portico.protocols.sip import answer_to
from portico.simulator.testing import SimulatorProcess
from tests.conftest import MemoryBus
from tests.factories import (
    make_device,
    make_installer,
    make_message,
    make_site,
    run_jobs,
)
from tests.gateway.phone import Phone
from tests.gateway.server import RunningGateway, running_gateway
from tests.nats import free_port
from tests.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def gateway(transactional_db: None, bus: MemoryBus) -> Iterator[RunningGateway]:
    del transactional_db
    with running_gateway(bus, sip_port=free_port()) as running:
        yield running


@pytest.fixture
def monitor(gateway: RunningGateway) -> Device:
    del gateway
    installer = make_installer("ida")
    site = make_site(installer, "Ryan", room_name="Elm 1")
    return make_device(site, installer, model="C313", name="Kitchen")


@pytest.fixture
def phone(gateway: RunningGateway, monitor: Device) -> Iterator[Phone]:
    made = Phone(gateway, monitor)
    yield made
    made.close()


def account(monitor: Device, gateway: RunningGateway) -> dict[str, str]:
    """The settings with which a unit registers at ``gateway``."""
    return {
        "Config.Account1.GENERAL.Enable": "1",
        "Config.Account1.GENERAL.UserName": monitor.sip.number,
        "Config.Account1.GENERAL.Pwd": monitor.sip.password,
        "Config.Account1.SIP.Server": gateway.sip[0],
        "Config.Account1.SIP.Port": str(gateway.sip[1]),
        "Config.Account1.REG.Timeout": "60",
    }


def tell(monitor: Device, title: str = "News", text: str = "Hello") -> Message:
    """A message to the monitors alone."""
    installer = monitor.organization.memberships.get().user
    message = make_message(installer, title, text=text, to_apps=False, to_monitors=True)
    run_jobs()
    return message


def register(phone: Phone, monitor: Device) -> None:
    """Register, and wait until everybody knows."""
    assert phone.register().status == 200
    online = Presence.objects.filter(device=monitor, is_online=True)
    eventually(online.exists)


def is_in(state: ReceiptState) -> bool:
    return Receipt.objects.get().state == state


def test_virtual_monitors_show_what_was_written(
    gateway: RunningGateway, monitor: Device, tmp_path: Path
) -> None:
    def shown() -> list[str]:
        found: list[dict[str, Any]] = simulator.device(monitor.mac)["messages"]
        return [one["Text"] for one in found]

    with SimulatorProcess(state=tmp_path) as simulator:
        simulator.add_device(monitor.mac, "C313")
        simulator.configure(monitor.mac, account(monitor, gateway))
        eventually(lambda: simulator.device(monitor.mac)["registration"] == 2)
        tell(monitor, "{house}", "\u05e9\u05dc\u05d5\u05dd {name} 🚪\r\nzweite Zeile")
        eventually(lambda: is_in(ReceiptState.DELIVERED))
        assert shown() == ["Elm 1\n\n\u05e9\u05dc\u05d5\u05dd Ryan 🚪\nzweite Zeile"]

        # What was written while it was away comes when it is back, in its order.
        simulator.act(monitor.mac, "offline")
        tell(monitor, "First")
        tell(monitor, "Second")
        simulator.act(monitor.mac, "online")
        eventually(lambda: len(shown()) == 3)
        assert [text.partition("\n")[0] for text in shown()[1:]] == ["First", "Second"]
        eventually(lambda: not Receipt.objects.filter(delivered_at=None).exists())


def test_a_request_names_itself_and_its_receiver(
    phone: Phone, monitor: Device, gateway: RunningGateway
) -> None:
    register(phone, monitor)
    message = tell(monitor)
    request = phone.texted()

    assert request.method == "MESSAGE"
    assert request.uri.startswith(f"sip:{monitor.sip.number}@127.0.0.1:")
    assert request.get("To") == f"<sip:{monitor.sip.number}@127.0.0.1>"
    assert request.get("Content-Type") == "text/plain;charset=utf-8"
    assert request.get("CSeq") == "1 MESSAGE"
    assert message.pk.hex in request.get("Call-ID")
    assert request.body == "News\n\nHello"
    assert is_in(ReceiptState.SENT)
    phone.answer(request, 200)
    eventually(lambda: is_in(ReceiptState.DELIVERED))


def test_an_unanswered_request_is_repeated_as_it_was(
    phone: Phone, monitor: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor_messages, "T1_SECONDS", 0.05)
    monkeypatch.setattr(monitor_messages, "TRANSACTION_SECONDS", 0.2)
    monkeypatch.setattr(monitors, "TRY_AGAIN", timedelta(0))
    register(phone, monitor)
    tell(monitor)
    # More than one transaction: each retry of the gateway is still the same request.
    repeated = [phone.texted() for _ in range(12)]

    assert len(set(repeated)) == 1
    phone.answer(repeated[0], 200)
    eventually(lambda: is_in(ReceiptState.DELIVERED))


def test_a_monitor_that_cannot_show_text_is_not_asked_again(
    phone: Phone, monitor: Device
) -> None:
    register(phone, monitor)
    tell(monitor)
    phone.answer(phone.texted(), 405)

    eventually(lambda: is_in(ReceiptState.GIVEN_UP))
    assert Receipt.objects.get().refusal == 405


def test_another_hosts_answer_is_not_believed(
    phone: Phone, monitor: Device, gateway: RunningGateway
) -> None:
    register(phone, monitor)
    tell(monitor)
    request = phone.texted()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        forged = answer_to(request, 200, "OK", tag="9").encode()
        stranger.sendto(forged, gateway.sip)
    # Asked after the forgery, so that it has been dealt with.
    options = replace(phone.request(), method="OPTIONS")
    phone.tell(options.encode())
    while phone.texted().status != 200:
        pass
    assert is_in(ReceiptState.SENT)

    phone.answer(request, 200)
    eventually(lambda: is_in(ReceiptState.DELIVERED))


def test_of_two_gateways_the_one_sends_that_knows_the_monitor(
    gateway: RunningGateway, bus: MemoryBus, monitor: Device, phone: Phone
) -> None:
    with running_gateway(bus, sip_port=free_port(), gateway_id="two") as other:
        elsewhere = Phone(other, monitor)
        register(elsewhere, monitor)
        tell(monitor)
        request = elsewhere.texted()
        elsewhere.answer(request, 200)
        eventually(lambda: is_in(ReceiptState.DELIVERED))
        elsewhere.close()
    assert phone.heard_nothing()
