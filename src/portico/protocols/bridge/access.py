"""The lists of who may open, and what became of them: plain HTTPS beside the session.

Pure: text in, frozen values out, and back; see *Access lists* in the contract. Anything
else is :class:`Nonsense`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from portico.protocols.bridge.fields import MAX_INT, Fields, Nonsense, bad

# Units take up to 20,000 users, at some 150 bytes each.
MAX_LIST_BYTES: Final = 8 * 1024 * 1024
MAX_REPORT_BYTES: Final = 4 * 1024 * 1024
MAX_USERS: Final = 20_000
_MAX_SCHEDULES: Final = 1000
_MAX_VALUES: Final = 16
# What entries and schedules of ours on a unit begin with; all others are somebody's own.
OURS: Final = "PT-"
# The tag of entries with a face, for bridges that do not know faces: it confirms nothing.
OLD_TAG: Final = "-"
# A picture of 800 pixels a side, however noisy.
MAX_FACE_BYTES: Final = 2 * 1024 * 1024


class ScheduleType(StrEnum):
    DATE_RANGE = "date_range"
    WEEKLY = "weekly"
    DAILY = "daily"


class ReportState(StrEnum):
    DONE = "done"
    # It goes on; the server need not ask again yet.
    WORKING = "working"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AccessSchedule:
    """``days``: digits, 0 is Sunday; times ``HH:MM``; dates ``YYYYMMDD``, both included."""

    id: str
    type: ScheduleType
    days: str = ""
    start: str = "00:00"
    end: str = "23:59"
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class AccessFace:
    """The photo of an entry, a JPEG; it never changes as long as the entry's id is the
    same.

    :param tag: the entry's, see :attr:`AccessUser.mark`.
    :param held: the server knows that the unit has it.
    """

    sha256: str
    size: int
    tag: str = ""
    held: bool = False


@dataclass(frozen=True, slots=True)
class AccessUser:
    """One entry; ``schedule`` names an :class:`AccessSchedule`, empty: always.

    ``tag`` changes with what is wanted of it; a report names it back.
    """

    id: str
    tag: str
    name: str
    pins: tuple[str, ...] = field(default=(), repr=False)
    cards: tuple[str, ...] = field(default=(), repr=False)
    bluetooth: str = field(default="", repr=False)
    schedule: str = ""
    relays: tuple[int, ...] = ()
    security: tuple[int, ...] = ()
    face: AccessFace | None = None

    @property
    def mark(self) -> str:
        """How a report names the entry as it is wanted."""
        return f"{self.id}:{self.face.tag if self.face else self.tag}"


@dataclass(frozen=True, slots=True)
class AccessList:
    revision: str
    users: tuple[AccessUser, ...]
    schedules: tuple[AccessSchedule, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the unit does not hold one entry, as a code of the contract."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class AccessReport:
    """``present``: ours that the unit holds as wanted, each as ``id:tag``; ``left``: the
    ids of ours that it should not hold.

    ``refused``: why others are missing. ``total`` counts all, ``foreign`` those of others.
    """

    state: ReportState
    reason: str
    revision: str
    at: int
    present: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    total: int = 0
    foreign: int = 0


def encode(message: AccessList | AccessReport) -> bytes:
    """The body that :func:`read_list` or :func:`read_report` reads back."""
    return json.dumps(asdict(message), separators=(",", ":")).encode()


def read_list(body: bytes) -> AccessList:
    """:raises Nonsense: not an access list."""
    of = _object(body)
    users = (Fields(item, "users") for item in of.items("users", MAX_USERS))
    schedules = (
        Fields(item, "schedules") for item in of.items("schedules", _MAX_SCHEDULES)
    )
    return AccessList(
        of.text("revision", 64, empty=False),
        tuple(_user(each) for each in users),
        tuple(_schedule(each) for each in schedules),
    )


def read_report(body: bytes) -> AccessReport:
    """:raises Nonsense: not a report."""
    of = _object(body)
    return AccessReport(
        state=_one_of(ReportState, of.text("state", 16), "state"),
        reason=of.word("reason") if of.text("reason", 32) else "",
        revision=of.text("revision", 64),
        at=of.time("at"),
        present=_ids(of, "present"),
        left=_ids(of, "left"),
        refused=_refused(of),
        total=of.integer("total", 0, MAX_INT),
        foreign=of.integer("foreign", 0, MAX_INT),
    )


def _object(body: bytes) -> Fields:
    try:
        return Fields(json.loads(body))
    except (ValueError, RecursionError):
        raise Nonsense("not_json") from None


def _user(of: Fields) -> AccessUser:
    return AccessUser(
        id=_own_id(of, "id"),
        tag=of.text("tag", 31, empty=False),
        name=of.text("name", 127, empty=False),
        pins=_texts(of, "pins"),
        cards=_texts(of, "cards"),
        bluetooth=of.text("bluetooth", 64),
        schedule=of.text("schedule", 31),
        relays=_numbers(of, "relays"),
        security=_numbers(of, "security"),
        face=None if of.absent("face") else _face(of.inner("face")),
    )


def _face(of: Fields) -> AccessFace:
    return AccessFace(
        sha256=of.hex("sha256", 32, 32).hex(),
        size=of.integer("size", 1, MAX_FACE_BYTES),
        tag=of.text("tag", 31, empty=False),
        held=of.flag("held"),
    )


def _schedule(of: Fields) -> AccessSchedule:
    return AccessSchedule(
        id=_own_id(of, "id"),
        type=_one_of(ScheduleType, of.text("type", 16), "type"),
        days=of.text("days", 7),
        start=of.text("start", 5),
        end=of.text("end", 5),
        first=of.text("first", 8),
        last=of.text("last", 8),
    )


def _own_id(of: Fields, name: str) -> str:
    value = of.text(name, 31)
    if not value.startswith(OURS):
        raise bad(name)
    return value


def _texts(of: Fields, name: str) -> tuple[str, ...]:
    items = of.items(name, _MAX_VALUES)
    return tuple(Fields({name: item}).text(name, 64, empty=False) for item in items)


def _ids(of: Fields, name: str) -> tuple[str, ...]:
    items = of.items(name, MAX_USERS)
    return tuple(Fields({name: item}).text(name, 63, empty=False) for item in items)


def _numbers(of: Fields, name: str) -> tuple[int, ...]:
    return tuple(Fields({name: item}).integer(name, 1, 4) for item in of.items(name, 4))


def _refused(of: Fields) -> tuple[Refusal, ...]:
    items = (Fields(item, "refused") for item in of.items("refused", MAX_USERS))
    return tuple(
        Refusal(each.text("id", 31, empty=False), each.word("reason")) for each in items
    )


def _one_of(choices: type[Any], value: str, name: str) -> Any:
    try:
        return choices(value)
    except ValueError:
        raise bad(name) from None
