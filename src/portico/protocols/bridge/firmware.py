"""Firmware upgrades over a bridge: the order, and what the bridge says of it.

The order's data come with the command; image, reports and saved settings go by plain
HTTPS beside the session, see *Firmware* in the contract. Pure: values in and out;
anything else is :class:`Nonsense`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Final

from portico.protocols.bridge.fields import Fields, Nonsense, bad

UPGRADE_FIRMWARE: Final = "upgrade_firmware"
# The largest published images are Android packages of some hundred MiB.
MAX_IMAGE_BYTES: Final = 512 * 1024 * 1024
MAX_REPORT_BYTES: Final = 4 * 1024
# All settings of a unit are some 2,000 lines of 60 bytes.
MAX_CONFIGURATION_BYTES: Final = 1024 * 1024
_MD5_BYTES: Final = 16
_SHA256_BYTES: Final = 32
# What follows the order in the addresses.
IMAGE: Final = "image"
CONFIGURATION: Final = "configuration"


class ReportState(StrEnum):
    # Of the image, or waiting for its turn: nothing is at the unit yet.
    DOWNLOADING = "downloading"
    # The unit has the image and waits for the order to write it.
    READY = "ready"
    INSTALLING = "installing"
    FAILED = "failed"


class Verdict(StrEnum):
    GO = "go"
    STOP = "stop"
    # No order of this bridge's; HTTP 404.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FirmwareOrder:
    """Which image a unit is to get; ``save``: its settings are to be told before."""

    version: str
    name: str
    size: int
    sha256: str
    md5: str
    save: bool


@dataclass(frozen=True, slots=True)
class FirmwareReport:
    """``done``: bytes of the image so far. ``touched``: it may have been written."""

    state: ReportState
    reason: str = ""
    touched: bool = False
    done: int = 0


def order_data(order: FirmwareOrder) -> dict[str, Any]:
    """``data`` of the command that :func:`read_order` reads back."""
    return asdict(order)


def read_order(data: Mapping[str, Any]) -> FirmwareOrder:
    """:raises Nonsense: not the data of an ``upgrade_firmware`` command."""
    of = Fields(dict(data))
    return FirmwareOrder(
        version=of.text("version", 31, empty=False),
        name=_file_name(of),
        size=of.integer("size", 1, MAX_IMAGE_BYTES),
        sha256=of.hex("sha256", _SHA256_BYTES, _SHA256_BYTES).hex(),
        md5=of.hex("md5", _MD5_BYTES, _MD5_BYTES).hex(),
        save=of.flag("save"),
    )


def encode_report(report: FirmwareReport) -> bytes:
    """The body that :func:`read_report` reads back."""
    return json.dumps(asdict(report), separators=(",", ":")).encode()


def read_report(body: bytes) -> FirmwareReport:
    """:raises Nonsense: not a report."""
    of = _object(body)
    state = _one_of(ReportState, of.text("state", 16), "state")
    return FirmwareReport(
        state=state,
        reason=_reason(of, is_needed=state is ReportState.FAILED),
        touched=not of.absent("touched") and of.flag("touched"),
        done=of.integer_or_none("done", 0, MAX_IMAGE_BYTES) or 0,
    )


def encode_verdict(verdict: Verdict) -> bytes:
    """The body that :func:`read_verdict` reads back."""
    return json.dumps({"verdict": verdict}, separators=(",", ":")).encode()


def read_verdict(body: bytes) -> Verdict:
    """:raises Nonsense: no verdict."""
    verdict: Verdict = _one_of(Verdict, _object(body).text("verdict", 16), "verdict")
    return verdict


def read_configuration(body: bytes) -> str:
    """The settings of a unit, as they came: one JSON object.

    :raises Nonsense: something else, or more than a unit has.
    """
    if len(body) > MAX_CONFIGURATION_BYTES:
        raise Nonsense("oversized")
    try:
        text = body.decode()
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Nonsense("not_json") from None
    if not isinstance(value, dict) or not value:
        raise Nonsense("not_an_object")
    return text


def _object(body: bytes) -> Fields:
    try:
        return Fields(json.loads(body))
    except (ValueError, RecursionError):
        raise Nonsense("not_json") from None


def _reason(of: Fields, *, is_needed: bool) -> str:
    if is_needed or (not of.absent("reason") and of.text("reason", 32)):
        return of.word("reason")
    return ""


def _file_name(of: Fields) -> str:
    """A plain name: it becomes part of a request."""
    name = of.text("name", 127, empty=False)
    if PurePosixPath(name).name != name or name in {".", ".."} or '"' in name:
        raise bad("name")
    return name


def _one_of(choices: type[Any], value: str, name: str) -> Any:
    try:
        return choices(value)
    except ValueError:
        raise bad(name) from None
