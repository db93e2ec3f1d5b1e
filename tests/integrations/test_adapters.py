"""Adapters against local servers that follow the vendors' descriptions (DEV-6).

Not verified on hardware.
"""

from __future__ import annotations

import socket

import pytest

from portico.integrations import http
from portico.integrations.dormakaba.api import dormakaba
from portico.integrations.http import MOST_BYTES, Caller
from portico.integrations.salto.api import salto as make_salto
from portico.locks.enums import Battery, Bolt, LockReason
from portico.locks.ports import BadAddress, LockFailed, LockProvider
from tests.integrations.server import (
    BACK,
    FRONT,
    FakeSalto,
    FakeVendor,
    Trouble,
)

pytestmark = pytest.mark.integration


def connect(vendor: FakeVendor, **values: str) -> LockProvider:
    make = make_salto if isinstance(vendor, FakeSalto) else dormakaba
    return make(Caller(may_be_local=True)).connect(vendor.values | values)


def opening_fails(vendor: FakeVendor, lock: str = FRONT) -> LockFailed:
    with pytest.raises(LockFailed) as failed:
        connect(vendor).open(lock, within=5)
    return failed.value


def test_locks_are_listed_and_opened(vendor: FakeVendor) -> None:
    provider = connect(vendor)
    seen = provider.list_locks()
    assert [(one.vendor_id, one.name, one.is_online) for one in seen] == [
        (FRONT, "Gate", True),
        (BACK, "Cellar", True),
    ]
    provider.open(FRONT, within=5)
    assert vendor.opened == [FRONT]


def test_salto_tells_battery_and_bolt(salto: FakeSalto) -> None:
    salto.locks[1] |= {"locked_state": "unlocked", "battery_level": "critical"}
    one, other = connect(salto).list_locks()
    assert (one.battery, one.bolt) == (Battery.GOOD, Bolt.LOCKED)
    assert (other.battery, other.bolt) == (Battery.EMPTY, Bolt.UNLOCKED)


def test_wrong_secret_is_told(vendor: FakeVendor) -> None:
    secret = "client_secret" if isinstance(vendor, FakeSalto) else "api_secret"
    with pytest.raises(LockFailed) as failed:
        connect(vendor, **{secret: "no"}).list_locks()
    assert failed.value.reason == LockReason.CREDENTIALS


def test_token_is_kept_and_a_revoked_one_replaced(salto: FakeSalto) -> None:
    connect(salto).list_locks()
    connect(salto).list_locks()
    assert [path for _, path in salto.asked].count("/identity/connect/token") == 1
    salto.revoke()
    connect(salto).open(FRONT, within=5)
    assert salto.opened == [FRONT]
    assert [path for _, path in salto.asked].count("/identity/connect/token") == 2


@pytest.mark.parametrize(
    ("trouble", "reason", "is_sure"),
    [
        (Trouble("/lock", 403), LockReason.FORBIDDEN, True),
        (Trouble("/lock", 404), LockReason.NOT_FOUND, True),
        (Trouble("/lock", 409), LockReason.OFFLINE, True),
        (Trouble("/lock", 429), LockReason.TOO_MANY, True),
        (Trouble("/lock", 400), LockReason.REJECTED, True),
        (Trouble("/lock", 400, b'{"ErrorCode": 3102}'), LockReason.NEEDS_OTP, True),
        (Trouble("/lock", 503, is_done=True), LockReason.VENDOR_FAULT, False),
        (
            Trouble("/lock", 302, headers={"Location": "http://127.0.0.1:1/"}),
            LockReason.REDIRECT,
            True,
        ),
    ],
)
def test_refusals_of_salto_have_their_reasons(
    salto: FakeSalto, trouble: Trouble, reason: LockReason, is_sure: bool
) -> None:
    salto.troubles.append(trouble)
    failed = opening_fails(salto)
    assert (failed.reason, failed.is_sure) == (reason, is_sure)


def test_offline_lock_is_not_opened(vendor: FakeVendor) -> None:
    vendor.locks[0] |= {"online": False, "ready": False}
    assert opening_fails(vendor).reason == LockReason.OFFLINE
    assert connect(vendor).list_locks()[0].is_online is False
    assert vendor.opened == []


def test_asked_to_wait_is_told(vendor: FakeVendor) -> None:
    vendor.troubles.append(Trouble(FRONT, 429, headers={"Retry-After": "120"}))
    failed = opening_fails(vendor)
    assert (failed.reason, failed.retry_after) == (LockReason.TOO_MANY, 120)


@pytest.mark.parametrize(
    "body", [b"<html>", b'"text"', b"[" * 100_000, b'{"items": 7}', b"\xff\xfe"]
)
def test_garbage_is_no_list(vendor: FakeVendor, body: bytes) -> None:
    connect(vendor).list_locks()
    vendor.troubles += [Trouble("/lock", body=body), Trouble("/component", body=body)]
    with pytest.raises(LockFailed) as failed:
        connect(vendor).list_locks()
    assert failed.value.reason == LockReason.GARBAGE


def test_rows_that_are_no_locks_are_left_out(vendor: FakeVendor) -> None:
    vendor.locks += [{}, {"id": 7}, {"id": "x", "battery_level": [], "online": "yes"}]
    last = connect(vendor).list_locks()[-1]
    assert (last.vendor_id, last.name, last.is_online) == ("x", "x", None)


def test_huge_answer_is_not_read_to_its_end(vendor: FakeVendor) -> None:
    connect(vendor).list_locks()
    body = b" " * (MOST_BYTES + 1)
    vendor.troubles += [Trouble("/lock", body=body), Trouble("/component", body=body)]
    with pytest.raises(LockFailed) as failed:
        connect(vendor).list_locks()
    assert failed.value.reason == LockReason.GARBAGE


def test_silence_after_an_order_is_an_unknown_outcome(
    vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "WHOLE_SECONDS", 0.3)
    vendor.troubles.append(Trouble(FRONT, is_done=True, hangs=True))
    failed = opening_fails(vendor)
    assert (failed.reason, failed.is_sure) == (LockReason.UNKNOWN_OUTCOME, False)
    assert vendor.opened == [FRONT]


def test_no_server_is_unreachable_for_sure(vendor: FakeVendor) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{taken.getsockname()[1]}"
        provider = connect(vendor, api_url=gone, identity_url=gone)
        with pytest.raises(LockFailed) as failed:
            provider.open(FRONT, within=5)
    assert (failed.value.reason, failed.value.is_sure) == (LockReason.UNREACHABLE, True)


def test_nothing_is_asked_too_late(vendor: FakeVendor) -> None:
    with pytest.raises(LockFailed) as failed:
        connect(vendor).open(FRONT, within=-1)
    assert failed.value.reason == LockReason.TOO_LATE
    assert vendor.opened == []


def test_next_page_is_of_the_same_server(salto: FakeSalto) -> None:
    connect(salto).list_locks()
    page = b'{"items": [], "next_page_link": "http://127.0.0.1:1/more"}'
    salto.troubles.append(Trouble("/locks", body=page))
    with pytest.raises(LockFailed) as failed:
        connect(salto).list_locks()
    assert failed.value.reason == LockReason.GARBAGE


@pytest.mark.parametrize(
    "url",
    [
        "http://connect.example.com",
        "https://127.0.0.1",
        "https://localhost:8000",
        "https://10.1.2.3",
        "https://[::1]",
        "https://[::ffff:192.168.1.1]",
        "https://169.254.169.254/latest",
        "https://user@example.com",
        "ftp://example.com",
        "https://",
        "https://[x",
    ],
)
def test_production_calls_no_inner_address(url: str) -> None:
    with pytest.raises(BadAddress):
        Caller().check(url)


def test_name_that_leads_inward_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: inner)
    Caller().check("https://locks.example.com")
    with pytest.raises(LockFailed) as failed:
        Caller().ask("GET", "https://locks.example.com/", headers={})
    assert failed.value.reason == LockReason.NOT_ALLOWED
