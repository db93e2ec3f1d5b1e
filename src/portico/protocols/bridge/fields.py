"""Strict reading of one JSON object: every value has a type, a range and a length."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from portico.kernel.mac import InvalidMac, parse_mac
from portico.protocols.autop.grammar import is_key
from portico.protocols.bridge.signing import from_base64url

# 9999-12-31: above it the server's date types overflow.
MAX_MS: Final = 253_402_300_799_000
# What a 32-bit column and JavaScript both hold.
MAX_INT: Final = 2**31 - 1
# Controls, and halves of surrogate pairs, which cannot be stored or sent as UTF-8.
_UNSTORABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+")
# Deep enough for every command's data; a parser's stack is not a stranger's to fill.
_MAX_DEPTH: Final = 5
_MAX_ITEMS: Final = 64
_MAX_TEXT: Final = 1024


class Nonsense(ValueError):
    """The other side broke the protocol; ``code`` says how, ``field`` where.

    Codes: ``oversized``, ``not_json``, ``not_an_object``, ``unknown_type``,
    ``bad_field``. The value itself is never repeated: it may be a secret.
    """

    def __init__(self, code: str, field: str = "") -> None:
        super().__init__(f"{code}: {field}" if field else code)
        self.code = code
        self.field = field


def bad(field: str) -> Nonsense:
    """The error for a field that is missing, of the wrong type or out of range."""
    return Nonsense("bad_field", field)


class Fields:
    """Typed access to one decoded object; every method raises :class:`Nonsense`."""

    __slots__ = ("_values",)

    def __init__(self, values: object, where: str = "") -> None:
        if not isinstance(values, dict):
            raise bad(where) if where else Nonsense("not_an_object")
        self._values: dict[str, object] = values

    def absent(self, name: str) -> bool:
        """Whether the field is null; a missing field counts as null."""
        return self._values.get(name) is None

    def text(self, name: str, longest: int, *, empty: bool = True) -> str:
        value = self._values.get(name)
        if not isinstance(value, str) or len(value) > longest:
            raise bad(name)
        if (not value and not empty) or _UNSTORABLE.search(value):
            raise bad(name)
        return value

    def text_or_none(self, name: str, longest: int) -> str | None:
        return None if self.absent(name) else self.text(name, longest)

    def word(self, name: str) -> str:
        """A lower-case identifier such as a kind or a reason."""
        value = self.text(name, 32)
        if not _NAME.fullmatch(value):
            raise bad(name)
        return value

    def integer(self, name: str, low: int, high: int) -> int:
        value = self._values.get(name)
        if type(value) is not int or not low <= value <= high:
            raise bad(name)
        return value

    def integer_or_none(self, name: str, low: int, high: int) -> int | None:
        return None if self.absent(name) else self.integer(name, low, high)

    def time(self, name: str) -> int:
        """Milliseconds since 1970."""
        return self.integer(name, 0, MAX_MS)

    def time_or_none(self, name: str) -> int | None:
        return None if self.absent(name) else self.time(name)

    def flag(self, name: str) -> bool:
        value = self._values.get(name)
        if not isinstance(value, bool):
            raise bad(name)
        return value

    def uuid(self, name: str) -> UUID:
        return _uuid(self._values.get(name), name)

    def uuids(self, name: str, most: int) -> tuple[UUID, ...]:
        return tuple(_uuid(item, name) for item in self.items(name, most))

    def mac(self, name: str) -> str:
        """12 upper-case hex digits of a unicast address."""
        value = self.text(name, 12)
        try:
            if parse_mac(value) != value:
                raise bad(name)
        except InvalidMac:
            raise bad(name) from None
        return value

    def base64(self, name: str, size: int) -> bytes:
        value = self.text(name, 4 * size)
        try:
            raw = from_base64url(value)
        except ValueError:
            raise bad(name) from None
        if len(raw) != size:
            raise bad(name)
        return raw

    def hex(self, name: str, shortest: int, longest: int) -> bytes:
        value = self.text(name, 2 * longest)
        if not _HEX.fullmatch(value) or len(value) < 2 * shortest:
            raise bad(name)
        return bytes.fromhex(value)

    def inner(self, name: str) -> Fields:
        """The object in a field."""
        return Fields(self._values.get(name), name)

    def items(self, name: str, most: int) -> list[object]:
        value = self._values.get(name)
        if not isinstance(value, list) or len(value) > most:
            raise bad(name)
        return value

    def data(self, name: str, most: int, longest: int) -> dict[str, str | int]:
        """A flat object of short texts and whole numbers."""
        value = self._values.get(name)
        if not isinstance(value, dict) or len(value) > most:
            raise bad(name)
        inner = Fields(value)
        return {
            key: (
                inner.integer(key, -MAX_INT, MAX_INT)
                if type(item) is int
                else inner.text(key, longest)
            )
            for key, item in value.items()
            if _checked_name(key, name)
        }

    def counts(self, name: str, most: int) -> dict[str, int]:
        """A flat object of whole numbers from zero."""
        value = self.data(name, most, 0)
        inner = Fields(value)
        return {key: inner.integer(key, 0, MAX_INT) for key in value}

    def settings(self, name: str, most: int, longest: int) -> dict[str, str]:
        """A flat object of short texts whose names are configuration keys."""
        value = self._values.get(name)
        if not isinstance(value, dict) or len(value) > most:
            raise bad(name)
        inner = Fields(value)
        if not all(len(key) <= longest and is_key(key) for key in value):
            raise bad(name)
        return {key: inner.text(key, longest) for key in value}

    def tree(self, name: str) -> dict[str, Any]:
        """An object of any shape, bounded in depth, breadth and text length."""
        value = self._values.get(name)
        if not isinstance(value, dict) or not _is_bounded(value, _MAX_DEPTH):
            raise bad(name)
        return value


def _uuid(value: object, name: str) -> UUID:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise bad(name)
    return UUID(value)


def _checked_name(key: str, where: str) -> bool:
    if not _NAME.fullmatch(key):
        raise bad(where)
    return True


def _is_bounded(value: object, depth: int) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_TEXT and not _UNSTORABLE.search(value)
    if isinstance(value, Mapping):
        pairs = value.items()
        return (
            depth > 0
            and len(value) <= _MAX_ITEMS
            and all(_is_bounded(k, 1) and _is_bounded(v, depth - 1) for k, v in pairs)
        )
    if isinstance(value, list):
        inside = all(_is_bounded(item, depth - 1) for item in value)
        return depth > 0 and len(value) <= _MAX_ITEMS and inside
    return not isinstance(value, int) or abs(value) <= MAX_MS
