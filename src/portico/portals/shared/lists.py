"""Lists: pages of rows, with search, filters and sort kept in the address."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

# One screen to scroll through, and an answer far below 50 kB compressed.
PAGE_SIZE = 50
# Deeper than these 10,000 rows nobody reads; a search is the way, or the file.
LAST_PAGE = 200
# Longer texts than any field holds find nothing anyway.
SEARCH_CHARS = 100
_DIGITS = 18

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows ``first`` to ``last`` (counted from 1) of a list, without counting it all."""

    rows: list[Row]
    number: int
    # Whether there are rows behind it.
    has_more: bool

    @property
    def has_next(self) -> bool:
        return self.has_more and self.number < LAST_PAGE

    @property
    def is_end(self) -> bool:
        """Whether there are rows that no page shows."""
        return self.has_more and not self.has_next

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE_SIZE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def previous_number(self) -> int:
        return self.number - 1

    @property
    def next_number(self) -> int:
        return self.number + 1

    @property
    def is_only(self) -> bool:
        return self.number == 1 and not self.has_more


def page_of(
    request: HttpRequest, rows: QuerySet[Row], whole: QuerySet[Row] | None = None
) -> Page[Row]:
    """The page of ``rows`` that ``?page=`` asks for; one query, with ``whole`` two.

    ``whole`` holds these rows, not narrowed, with all that is shown of them. Then of
    ``rows`` only keys are read: the database sorts and skips these alone, often within an
    index, and completes only the few that are shown.
    """
    number = min(max(whole_number(request.GET.get("page", "")) or 1, 1), LAST_PAGE)
    start = (number - 1) * PAGE_SIZE
    part = slice(start, start + PAGE_SIZE + 1)
    if whole is None:
        found = list(rows[part])
        return Page(found[:PAGE_SIZE], number, len(found) > PAGE_SIZE)
    keys = list(rows.values_list("pk", flat=True)[part])
    by_key = whole.in_bulk(keys[:PAGE_SIZE])
    # One that has gone since is none.
    shown = [by_key[key] for key in keys if key in by_key]
    return Page(shown, number, len(keys) > PAGE_SIZE)


def whole_number(text: str) -> int | None:
    """The number that stands in an address or form; None: no number that we count to."""
    # Python reads no number of thousands of digits, and no database counts so far.
    is_number = text.isascii() and text.isdecimal() and len(text) <= _DIGITS
    return int(text) if is_number else None


def read_uuid(text: str) -> uuid.UUID | None:
    """The id that stands in an address or form; None: it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def plain(text: str, most: int) -> str:
    """At most ``most`` characters of what was typed, as every database takes them."""
    # PostgreSQL knows no NUL in a text.
    return text.replace("\0", "").strip()[:most]


def search_text(request: HttpRequest) -> str:
    """What is searched for."""
    return plain(request.GET.get("q", ""), SEARCH_CHARS)
