"""The grammar of auto-provisioning files and of their names.

Sources: exported templates of door phones, monitors and phones of the family (syntax:
``Key = Value``, ``#`` comments, empty values, any subset of keys), and the manuals'
naming of the two files per run: a common one per model, one per device. The name of the
address book is our own; its file is whatever ``Config.Contact.Url`` says.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from portico.kernel.mac import InvalidMac, parse_mac

# Every key that was ever seen has this prefix and dotted letters, digits, "_" or "-".
_KEY: Final = re.compile(r"Config(?:\.[A-Za-z0-9_-]+)+")
_COMMON_NAME: Final = re.compile(r"r0*(\d+)([A-Z]?)\.cfg")
_DEVICE_NAME: Final = re.compile(r"([0-9A-Fa-f]{12})\.cfg")
_CONTACTS_NAME: Final = re.compile(r"contacts(?:-[0-9a-f]+)?\.xml")
# Our own: what an indoor monitor of ours shows on its home screen.
WEATHER_NAME: Final = "weather.json"
_BYTE_ORDER_MARK: Final = "\ufeff"


class ProblemCode(enum.StrEnum):
    """Why a line is not understood."""

    NO_EQUALS = "no_equals"
    BAD_KEY = "bad_key"
    CONTROL_CHARACTER = "control_character"


@dataclass(frozen=True, slots=True)
class Problem:
    """One line that is not a setting; ``line_number`` counts from 1."""

    line_number: int
    code: ProblemCode
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One setting as it stands in the file; ``number`` counts from 1."""

    number: int
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class AutopFile:
    """What a file says.

    ``settings`` holds the last value of every key, in order of first appearance;
    ``lines`` every well-formed setting in file order; ``problems`` the lines that are
    none; ``duplicates`` the keys set more than once, with all their line numbers.
    """

    settings: dict[str, str] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    problems: tuple[Problem, ...] = ()
    duplicates: dict[str, tuple[int, ...]] = field(default_factory=dict)


class FileRole(enum.StrEnum):
    """Which file of a run a name asks for."""

    COMMON = "common"
    DEVICE = "device"
    CONTACTS = "contacts"
    WEATHER = "weather"


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a requested file name means.

    ``mac`` is set for ``DEVICE`` (12 upper-case hex digits), ``model_id`` (without
    leading zeros) and ``variant`` (one letter or empty) for ``COMMON``.
    """

    role: FileRole
    mac: str = ""
    model_id: str = ""
    variant: str = ""


def is_key(text: str) -> bool:
    """Whether ``text`` has the form of a configuration key (``Config.A.B``)."""
    return _KEY.fullmatch(text) is not None


def parse(text: str) -> AutopFile:
    """Read a file; never raises, what is not understood is listed in ``problems``.

    Blank lines and lines whose first character is ``#`` are skipped. The value is all
    after the first ``=`` with blanks around removed: it may be empty and may contain
    ``=`` and ``#``. CRLF, CR and a byte-order mark are tolerated.
    """
    lines: list[Line] = []
    problems: list[Problem] = []
    unix = text.removeprefix(_BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n")
    for number, raw in enumerate(unix.split("\n"), start=1):
        stripped = raw.strip()
        if not stripped or stripped.startswith("#"):
            continue
        parsed = _parse_line(number, stripped)
        if isinstance(parsed, Line):
            lines.append(parsed)
        else:
            problems.append(parsed)
    return AutopFile(
        settings={line.key: line.value for line in lines},
        lines=tuple(lines),
        problems=tuple(problems),
        duplicates=_duplicates(lines),
    )


def file_kind(name: str) -> FileKind | None:
    """Which file ``name`` (no directory) asks for, or None if it is neither.

    No table of models: any zero-padded number is a model's common file, because the
    padding differs between units. The MAC is matched in either letter case.
    """
    if match := _COMMON_NAME.fullmatch(name):
        number = match[1].lstrip("0") or "0"
        return FileKind(FileRole.COMMON, model_id=number, variant=match[2])
    if match := _DEVICE_NAME.fullmatch(name):
        try:
            return FileKind(FileRole.DEVICE, mac=parse_mac(match[1]))
        except InvalidMac:
            return None
    if _CONTACTS_NAME.fullmatch(name):
        return FileKind(FileRole.CONTACTS)
    if name == WEATHER_NAME:
        return FileKind(FileRole.WEATHER)
    return None


def contacts_name(revision: str) -> str:
    """The name of an address book, another one for each ``revision`` (hex digits).

    A unit that fetches a file only when its address changes still gets the new one.
    """
    return f"contacts-{revision}.xml"


def _parse_line(number: int, stripped: str) -> Line | Problem:
    if not stripped.isprintable() and any(
        char < " " and char != "\t" for char in stripped
    ):
        return Problem(number, ProblemCode.CONTROL_CHARACTER, stripped)
    key, equals, value = stripped.partition("=")
    if not equals:
        return Problem(number, ProblemCode.NO_EQUALS, stripped)
    key = key.strip()
    if not is_key(key):
        return Problem(number, ProblemCode.BAD_KEY, stripped)
    return Line(number, key, value.strip())


def _duplicates(lines: Iterable[Line]) -> dict[str, tuple[int, ...]]:
    numbers: dict[str, list[int]] = {}
    for line in lines:
        numbers.setdefault(line.key, []).append(line.number)
    return {key: tuple(found) for key, found in numbers.items() if len(found) > 1}
