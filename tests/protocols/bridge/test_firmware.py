"""Orders to upgrade, reports and verdicts: what is written is read back, nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.protocols.bridge import firmware
from portico.protocols.bridge.fields import Nonsense
from portico.protocols.bridge.firmware import (
    FirmwareOrder,
    FirmwareReport,
    ReportState,
    Verdict,
)

ORDER = FirmwareOrder("29.30.10.128", "29.zip", 7, "ab" * 32, "cd" * 16, save=True)
_reasons = st.from_regex(r"[a-z][a-z0-9_]{0,31}", fullmatch=True)


@given(
    st.builds(
        FirmwareReport,
        state=st.sampled_from(ReportState),
        reason=_reasons,
        touched=st.booleans(),
        done=st.integers(0, firmware.MAX_IMAGE_BYTES),
    )
)
def test_reports_come_back(report: FirmwareReport) -> None:
    assert firmware.read_report(firmware.encode_report(report)) == report


def test_a_report_needs_no_more_than_its_state() -> None:
    bare = firmware.read_report(b'{"state":"ready"}')
    assert bare == FirmwareReport(ReportState.READY)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b"{}",
        b'{"state":"odd"}',
        b'{"state":"failed"}',
        b'{"state":"failed","reason":""}',
        b'{"state":"failed","reason":"Not a word"}',
        b'{"state":"ready","done":-1}',
        b'{"state":"ready","done":true}',
        b'{"state":"ready","touched":1}',
        b'{"state":"ready","done":536870913}',
    ],
)
def test_anything_else_is_no_report(body: bytes) -> None:
    with pytest.raises(Nonsense):
        firmware.read_report(body)


def test_orders_come_back() -> None:
    assert firmware.read_order(firmware.order_data(ORDER)) == ORDER


@pytest.mark.parametrize(
    "odd",
    [
        {"version": ""},
        {"version": None},
        {"name": ""},
        {"name": "a/b.rom"},
        {"name": ".."},
        {"name": 'a".rom'},
        {"name": "a\r\nb.rom"},
        {"size": 0},
        {"size": firmware.MAX_IMAGE_BYTES + 1},
        {"sha256": "ab" * 31},
        {"sha256": "AB" * 32},
        {"md5": "zz" * 16},
        {"save": "yes"},
    ],
)
def test_anything_else_is_no_order(odd: dict[str, Any]) -> None:
    with pytest.raises(Nonsense):
        firmware.read_order(firmware.order_data(ORDER) | odd)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_verdicts_come_back(verdict: Verdict) -> None:
    assert firmware.read_verdict(firmware.encode_verdict(verdict)) is verdict


@pytest.mark.parametrize("body", [b"", b"{}", b'{"verdict":"yes"}', b"go"])
def test_anything_else_is_no_verdict(body: bytes) -> None:
    with pytest.raises(Nonsense):
        firmware.read_verdict(body)


def test_settings_are_kept_as_they_came() -> None:
    text = json.dumps({"Config.A.B.C": "\u00e4"})
    assert firmware.read_configuration(text.encode()) == text


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"\xff", b'"x"', b"{" * 50_000, b'{"a":"' + b"x" * 1_048_576],
)
def test_anything_else_is_no_settings(body: bytes) -> None:
    with pytest.raises(Nonsense):
        firmware.read_configuration(body)
