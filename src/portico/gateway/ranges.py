"""Which part of a file a request asks for (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

# No file has a length of more digits.
_ONE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


class Unsatisfiable(Exception):
    """The part that is asked for lies outside the file."""


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from ``start`` up to, and without, ``end``."""

    start: int
    end: int
    is_whole: bool = False

    @property
    def size(self) -> int:
        return self.end - self.start


def read_range(text: str, condition: str, *, size: int, etag: str) -> Part:
    """What ``Range: <text>`` with ``If-Range: <condition>`` means for a file.

    Several parts at once, and what is no range, are the whole file, as the standard wants
    it. ``etag`` without quotes.

    :raises Unsatisfiable: there is no such part.
    """
    whole = Part(0, size, is_whole=True)
    found = _ONE.fullmatch(text)
    # A file of before, or a date, which this server gives out for none.
    if found is None or (condition and condition != f'"{etag}"'):
        return whole
    first, last = found[1], found[2]
    if not first:
        return _end_of(last, size) if last else whole
    if last and int(last) < int(first):
        return whole
    if int(first) >= size:
        raise Unsatisfiable
    return Part(int(first), min(int(last) + 1, size) if last else size)


def _end_of(count: str, size: int) -> Part:
    if not int(count):
        raise Unsatisfiable
    return Part(max(0, size - int(count)), size)
