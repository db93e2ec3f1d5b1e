"""Requests for the local HTTP API, and what its answers mean."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.protocols.akuvox import local_api as api

pytestmark = pytest.mark.unit


def answer(retcode: object = 0, message: str = "OK", data: object = None) -> bytes:
    envelope = {"retcode": retcode, "action": "x", "message": message, "data": data}
    return json.dumps(envelope).encode()


def page(value: str) -> bytes:
    return f"<input id=hcSingleResult type=hidden value='{value}'>".encode()


@pytest.mark.parametrize(
    ("status", "headers", "dialect"),
    [
        (401, {"www-authenticate": 'Digest realm="HTTP API"'}, api.Dialect.API_DIGEST),
        (401, {"www-authenticate": 'Basic realm="HTTPAPI"'}, api.Dialect.API_BASIC),
        (401, {}, api.Dialect.FOREIGN),
        (200, {"content-type": "application/json"}, api.Dialect.API_OPEN),
        (200, {"content-type": "text/html"}, api.Dialect.FOREIGN),
        (308, {"location": "https://10.0.0.2/"}, api.Dialect.WEB_SPA),
        (302, {"location": "/login.html"}, api.Dialect.FOREIGN),
        (403, {}, api.Dialect.CLOSED),
        (404, {}, api.Dialect.FOREIGN),
    ],
)
def test_identify(status: int, headers: dict[str, str], dialect: api.Dialect) -> None:
    assert api.identify(status, headers) is dialect


def test_relay_trig_request() -> None:
    request = api.relay_trig(2, hold_seconds=7)

    assert (request.method, request.target) == ("POST", "/api/relay/trig")
    assert request.headers == {"Content-Type": "application/json"}
    assert json.loads(request.body or b"") == {
        "target": "relay",
        "action": "trig",
        "data": {"num": 2, "mode": 0, "level": 0, "delay": 7},
    }


def test_opening_requests() -> None:
    plain = api.open_door("1", user="a&b", password="p=1")
    assert plain.target == (
        "/fcgi/do?action=OpenDoor&UserName=a%26b&Password=p%3D1&DoorNum=1"
    )
    assert "p%3D1" not in repr(plain)
    assert api.open_door_secure("SA").target == (
        "/fcgi/OpenDoor?action=OpenDoor&DoorNum=SA"
    )


def test_door_number() -> None:
    assert [api.door_number(n, security=False) for n in (1, 2, 3)] == ["1", "2", "3"]
    assert [api.door_number(n, security=True) for n in (1, 2)] == ["SA", "SB"]


def test_read_system_info() -> None:
    data = {
        "Status": {
            "Model": "R20A\n",
            "MAC": "0C:11:05:AA:BB:CC",
            "FirmwareVersion": "320.30.11.63",
        }
    }
    assert api.read_system_info(200, answer(data=data)) == api.SystemInfo(
        "0C1105AABBCC", "R20A", "320.30.11.63"
    )
    for state, sip in (("2", True), (2, True), ("0", False), ("3", False), ("", None)):
        told = answer(data=data | {"Account1": {"Status": state}})
        assert api.read_system_info(200, told).sip is sip
    odd = answer(data=data | {"Account1": "2"})
    assert api.read_system_info(200, odd).sip is None


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, b"", "unauthorized"),
        (403, b"", "unauthorized"),
        (404, b"<html>", "not_supported"),
        (400, b"", "rejected"),
        (500, b"", "rejected"),
        (308, b"", "garbled"),
        (200, b"<html>", "garbled"),
        (200, b"[]", "garbled"),
        (200, answer("0"), "garbled"),
        (200, answer(-1), "rejected"),
        (200, answer(-100, "relay busy"), "rejected"),
        (200, answer(3), "rejected"),
        (200, answer(-1, "unsupport action"), "not_supported"),
        (200, answer(0, "API Unsupported"), "not_supported"),
        (400, answer(-1, "unsupported action"), "not_supported"),
        (200, answer(data={"Status": {"MAC": "x"}}), "garbled"),
        (200, answer(data={}), "garbled"),
        (200, answer(data={"Status": []}), "garbled"),
    ],
)
def test_read_system_info_refuses(status: int, body: bytes, code: str) -> None:
    with pytest.raises(api.DeviceError) as caught:
        api.read_system_info(status, body)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("data", "states"),
    [
        ({"RelayA": 0, "RelayB": 1}, {1: False, 2: True}),
        ({"RelayA": "open", "RelayC": "closed"}, {1: True, 3: False}),
        ({"RelayA": "Active", "RelayB": "inactive"}, {1: True, 2: False}),
        ({"RelayA": "1"}, {1: True}),
        ({}, {}),
    ],
)
def test_read_relay_status(data: object, states: dict[int, bool]) -> None:
    assert api.read_relay_status(200, answer(data=data)) == states


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, page("0")),
        (200, b'<INPUT ID="hcSingleResult" type="hidden" value="0"/>'),
        (200, answer(0)),
        (200, b"OK"),
        (200, b""),
    ],
)
def test_read_opening_accepts(status: int, body: bytes) -> None:
    api.read_opening(status, body)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, page("-1"), "rejected"),
        (200, page("-3"), "rejected"),
        (200, page("-4"), "not_safe"),
        (200, answer(-4, "Not Safe"), "not_safe"),
        (200, b"Login failed", "rejected"),
        (503, b"", "rejected"),
        (401, b"", "unauthorized"),
        (404, b"", "not_supported"),
        (302, b"", "garbled"),
    ],
)
def test_read_opening_refuses(status: int, body: bytes, code: str) -> None:
    with pytest.raises(api.DeviceError) as caught:
        api.read_opening(status, body)
    assert caught.value.code == code


@given(st.integers(100, 599), st.binary(max_size=200))
def test_garbage_answers_raise_only_device_errors(status: int, body: bytes) -> None:
    for read in (api.read_system_info, api.read_relay_status, api.read_opening):
        try:
            read(status, body)
        except api.DeviceError:
            continue
