"""The registrar, asked over a real UDP socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from portico.devices.models import Device, Presence
from portico.events.services.logbook import process_waiting
from portico.kernel.clock import utcnow
from portico.protocols import digest
from tests.conftest import MemoryBus
from tests.factories import make_device, make_installer, make_site
from tests.gateway.phone import Phone
from tests.gateway.server import RunningGateway, running_gateway
from tests.nats import free_port
from tests.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def gateway(bus: MemoryBus) -> Iterator[RunningGateway]:
    with running_gateway(bus, sip_port=free_port()) as running:
        yield running


@pytest.fixture
def device(gateway: RunningGateway) -> Device:
    del gateway
    installer = make_installer()
    return make_device(make_site(installer), installer)


@pytest.fixture
def phone(gateway: RunningGateway, device: Device) -> Iterator[Phone]:
    made = Phone(gateway, device)
    yield made
    made.close()


def test_registration_makes_the_device_online(phone: Phone) -> None:
    answer = phone.register()

    assert (answer.status, answer.get("Expires")) == (200, "60")
    assert answer.get("Contact").endswith(";expires=60")
    eventually(lambda: Presence.objects.filter(is_online=True, via="sip").exists())


def test_wrong_password_is_refused_and_brings_nobody_online(
    phone: Phone, gateway: RunningGateway
) -> None:
    assert phone.register(password="wrong").status == 403
    assert gateway.pending_contacts() == {}


def test_guesser_is_no_longer_answered(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [phone.register(password="wrong").status for _ in range(29)]
    phone.register(password="wrong")
    phone._socket.settimeout(0.5)

    with pytest.raises(TimeoutError):
        phone.ask(phone.request())
    assert set(codes) == {403}


def test_nonce_of_another_sender_is_worthless(
    phone: Phone, gateway: RunningGateway, device: Device
) -> None:
    refused = phone.ask(phone.request())
    thief = Phone(gateway, device)
    request = thief.request()
    token = digest.answer(
        refused.get("WWW-Authenticate"),
        method="REGISTER",
        uri=request.uri,
        user=device.sip.number,
        password=device.sip.password,
    )
    headers = (*request.headers, ("Authorization", str(token)))

    assert thief.ask(replace(request, headers=headers)).status == 401
    thief.close()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff\xfe",
        b"REGISTER",
        b"GET / HTTP/1.1\r\n\r\n",
        b"REGISTER sip:x SIP/2.0\r\n\r\n",
        b"REGISTER sip:x SIP/2.0\r\nAuthorization: Digest nonce=zz.1\r\n\r\n",
        b"x" * 60_000,
    ],
)
def test_garbage_is_survived(phone: Phone, garbage: bytes) -> None:
    phone.tell(garbage)

    assert phone.ask(replace(phone.request(), method="OPTIONS")).status in {200, 401}


def test_calls_are_refused_honestly(phone: Phone) -> None:
    assert phone.ask(replace(phone.request(), method="INVITE")).status == 501


def test_only_what_registers_after_a_restart_is_registered(
    phone: Phone, gateway: RunningGateway, device: Device
) -> None:
    """A unit comes back with another version: it was registered a moment before."""
    Device.objects.filter(pk=device.pk).update(firmware="29.30.10.1")
    presence = Presence.objects.filter(device=device)
    phone.register()
    eventually(lambda: presence.filter(sip_at__isnull=False).exists())

    address = f"{gateway.base}/e/{device.secrets.event_secret}"
    query = "event=SetupCompleted&fw=29.30.10.128"
    assert httpx.get(f"{address}?{query}", trust_env=False).status_code == 200
    process_waiting(now=utcnow())
    assert presence.get().sip_at is None
    # That it registers now is news, however shortly ago it was noted before.
    phone.register()
    eventually(lambda: presence.filter(sip_at__isnull=False).exists())
