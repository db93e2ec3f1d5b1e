"""Lists: pages of rows, with search, filters and sort kept in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

# One screen to scroll through, and an answer far below 50 kB compressed.
PAGE_SIZE = 50
# Deeper than this nobody reads; a search is the way.
LAST_PAGE = 2_000

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows ``first`` to ``last`` (counted from 1) of a list, without counting it all."""

    rows: list[Row]
    number: int
    has_next: bool

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
        return self.number == 1 and not self.has_next


def page_of(request: HttpRequest, rows: QuerySet[Row]) -> Page[Row]:
    """The page of ``rows`` that ``?page=`` asks for; one query."""
    asked = request.GET.get("page", "1")
    number = int(asked) if asked.isascii() and asked.isdecimal() else 1
    number = min(max(number, 1), LAST_PAGE)
    start = (number - 1) * PAGE_SIZE
    found = list(rows[start : start + PAGE_SIZE + 1])
    return Page(found[:PAGE_SIZE], number, len(found) > PAGE_SIZE)


def chosen(request: HttpRequest, name: str, allowed: Mapping[str, object]) -> str:
    """The value of filter ``name`` if it is one of ``allowed``, else none."""
    value = request.GET.get(name, "")
    return value if value in allowed else ""


def search_text(request: HttpRequest) -> str:
    """What is searched for; longer texts than any field holds find nothing anyway."""
    return request.GET.get("q", "").strip()[:100]
