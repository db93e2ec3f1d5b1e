from __future__ import annotations

import socket
import threading
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import DatabaseError

from portico.devices.models import Device, Presence
from portico.events.models import Event, LogEntry
from portico.events.services.logbook import process_waiting
from portico.gateway import inbox as gateway_inbox
from portico.gateway.limits import Misses
from portico.kernel.clock import utcnow
from tests.conftest import MemoryBus
from tests.factories import make_device, make_installer, make_site
from tests.gateway.server import RunningGateway
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]


@pytest.fixture
def device(gateway: RunningGateway) -> Device:
    del gateway
    installer = make_installer()
    return make_device(make_site(installer), installer)


def report(gateway: RunningGateway, device: Device, query: str) -> httpx.Response:
    address = f"{gateway.base}/e/{device.secrets.event_secret}?{query}"
    return httpx.get(address, trust_env=False)


def test_answered_event_is_stored_with_the_code_masked(
    gateway: RunningGateway, device: Device, bus: MemoryBus
) -> None:
    answer = report(
        gateway, device, f"event=ValidCodeEntered&code=4711&mac={device.mac}"
    )

    assert (answer.status_code, answer.text) == (200, "OK")
    event = Event.objects.get()
    assert (event.device_id, event.kind) == (device.pk, "code_granted")
    assert event.data == {"code": "••••"}
    assert "4711" not in repr(Event.objects.values())
    assert "events.waiting" in [subject for subject, _ in bus.published]


def test_same_report_at_once_is_one_opening(
    gateway: RunningGateway, device: Device
) -> None:
    for _ in range(3):
        assert report(gateway, device, "event=ValidCodeEntered&code=4711").is_success
    process_waiting(now=utcnow())

    assert LogEntry.objects.count() == 1


def test_two_different_wrong_codes_at_once_are_two_refusals(
    gateway: RunningGateway, device: Device
) -> None:
    for code in ("1111", "2222"):
        report(gateway, device, f"event=InvalidCodeEntered&code={code}")
    process_waiting(now=utcnow())

    assert LogEntry.objects.filter(outcome="refused").count() == 2


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("event=Nonsense", 400),
        ("event=ValidCodeEntered&code=%FF%FE", 400),
        ("event=ValidCodeEntered&code=1%00", 400),
        ("", 400),
        ("event=MotionDetect&x=" + "a" * 3000, 414),
        ("event=MotionDetect&mac=0C1105FFFFFF", 404),
    ],
)
def test_bad_report_is_refused_and_leaves_nothing(
    gateway: RunningGateway, device: Device, query: str, status: int
) -> None:
    answer = report(gateway, device, query)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert not Event.objects.exists()


def test_wrong_secret_is_404_then_rate_limited(gateway: RunningGateway) -> None:
    with httpx.Client(base_url=gateway.base, trust_env=False) as client:
        codes = [
            client.get(f"/e/{number:024}?event=MotionDetect").status_code
            for number in range(30)
        ]

    assert codes[0] == 404
    assert codes[-1] == 429
    assert set(codes) == {404, 429}


def test_stale_unit_does_not_lock_out_its_house(
    gateway: RunningGateway, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries: list[int] = []
    load = gateway.gateway._uplink.devices._load

    async def counted(secrets: Collection[str]) -> dict[str, Any]:
        queries.append(len(secrets))
        return await load(secrets)

    monkeypatch.setattr(gateway.gateway._uplink.devices, "_load", counted)
    with httpx.Client(base_url=gateway.base, trust_env=False) as client:
        for _ in range(40):
            stale = client.get(f"/e/{'x' * 24}?event=MotionDetect")
            assert stale.status_code == 404
        assert queries == [1]
        # Not even somebody who guesses there locks out a unit that is new to us.
        for number in range(40):
            client.get(f"/e/{number:024}?event=MotionDetect")

    assert report(gateway, device, "event=MotionDetect").status_code == 200


def test_guesser_runs_out_of_queries() -> None:
    misses = Misses()
    looked = 0
    for number in range(1_000):
        secret = f"{number:024}"
        looked += misses.may_look("1.2.3.4", secret)
        misses.missed("1.2.3.4", secret)

    assert 200 <= looked < 400
    assert misses.may_look("5.6.7.8", "y" * 24)


def test_secret_of_a_removed_device_is_worthless(
    gateway: RunningGateway, device: Device
) -> None:
    from portico.devices.services.registration import remove_device

    report(gateway, device, "event=MotionDetect")
    secret = device.secrets.event_secret
    member = device.site.organization.memberships.get().user
    remove_device(actor=member, device=device, now=utcnow())

    answer = httpx.get(f"{gateway.base}/e/{secret}?event=MotionDetect", trust_env=False)
    assert answer.status_code == 404


def test_user_name_in_raw_utf8_is_not_lost(
    gateway: RunningGateway, device: Device
) -> None:
    line = f"GET /e/{device.secrets.event_secret}?event=ValidCodeEntered&user=Jürgen"
    address = urlsplit(gateway.base)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 0)) as raw:
        raw.sendall(f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 200")

    assert Event.objects.get().data == {"user": "Jürgen"}


def test_first_contact_makes_the_device_online(
    gateway: RunningGateway, device: Device, bus: MemoryBus
) -> None:
    report(gateway, device, "event=SetupCompleted&ip=192.168.1.20&model=R29&fw=29.1")

    eventually(lambda: Presence.objects.filter(is_online=True).exists())
    assert Presence.objects.get().lan_address == "192.168.1.20"
    assert ("presence.changed", True) in [
        (subject, payload.get("online")) for subject, payload in bus.published
    ]


def test_database_trouble_is_503_with_retry_after_and_later_events_pass(
    gateway: RunningGateway, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(events: Any) -> int:
        raise DatabaseError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("portico.gateway.domain.store_events", full)
        answer = report(gateway, device, "event=MotionDetect")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert not Event.objects.exists()

    assert report(gateway, device, "event=MotionDetect").status_code == 200
    assert Event.objects.count() == 1


def test_more_than_the_inbox_holds_is_503_and_what_was_answered_is_there(
    gateway: RunningGateway, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portico.events.services.inbox import store_events

    monkeypatch.setattr(gateway_inbox, "CAPACITY", 2)
    may_go = threading.Event()

    def slow(events: Any) -> int:
        may_go.wait(10)
        return store_events(events)

    monkeypatch.setattr("portico.gateway.domain.store_events", slow)
    codes: list[int] = []

    def send(number: int) -> None:
        answer = report(gateway, device, f"event=InvalidCodeEntered&code={number}")
        codes.append(answer.status_code)

    senders = [threading.Thread(target=send, args=(n,)) for n in range(1000, 1008)]
    for sender in senders:
        sender.start()
    eventually(lambda: codes.count(503) == 6)
    may_go.set()
    for sender in senders:
        sender.join()

    assert sorted(codes) == [200, 200] + [503] * 6
    assert Event.objects.count() == 2
