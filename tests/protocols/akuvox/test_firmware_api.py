from __future__ import annotations

import json
from typing import Any

import pytest

from portico.protocols.akuvox import firmware_api as api
from portico.protocols.akuvox.local_api import DeviceError, Request


def answer(data: dict[str, Any], retcode: int = 0, message: str = "OK") -> bytes:
    return json.dumps(
        {"retcode": retcode, "action": "x", "message": message, "data": data}
    ).encode()


def test_requests() -> None:
    assert api.prepare().target == "/api/firmware/prepare"
    assert json.loads(api.prepare().body or b"") == {
        "target": "firmware",
        "action": "prepare",
    }
    assert api.upload() == Request("POST", "/api/firmware/upload?silent=0")
    assert api.upgrade("ab") == Request("GET", "/api/firmware/upgrade?md5=ab")
    assert api.call_status() == Request("GET", "/api/call/status")
    assert api.whole_configuration() == Request("GET", "/api/config/get")


@pytest.mark.parametrize(
    ("data", "is_free"),
    [
        ({"Status": "READY"}, True),
        ({"status": "Ready"}, True),
        ({"Status": "CALLING"}, False),
        ({"Status": "ALREADY"}, False),
        ({}, False),
    ],
)
def test_whether_nobody_is_calling(data: dict[str, Any], *, is_free: bool) -> None:
    assert api.read_is_free(200, answer(data)) is is_free


@pytest.mark.parametrize(
    ("data", "md5"),
    [({"md5": "AB01"}, "ab01"), ({"MD5": "cd"}, "cd"), ({}, ""), ({"x": "1"}, "")],
)
def test_the_sum_of_what_was_uploaded(data: dict[str, Any], md5: str) -> None:
    assert api.read_md5(200, answer(data)) == md5


def test_all_settings_as_one_object() -> None:
    settings = {"Config.A.B.C": "1"}
    assert json.loads(api.read_configuration(200, answer(settings))) == settings
    with pytest.raises(DeviceError, match="garbled"):
        api.read_configuration(200, answer({}))


@pytest.mark.parametrize(
    "read", [api.read_is_free, api.read_md5, api.read_configuration]
)
def test_a_no_is_a_no(read: Any) -> None:
    with pytest.raises(DeviceError, match="rejected"):
        read(200, answer({"Status": "READY"}, -1, "busy"))
    with pytest.raises(DeviceError, match="not_supported"):
        read(200, answer({}, -1, "Api unsupported"))
    with pytest.raises(DeviceError, match="unauthorized"):
        read(401, b"")
