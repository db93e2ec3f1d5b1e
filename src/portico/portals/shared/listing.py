"""A list as a person wants it: searched, narrowed, sorted, his columns, as a file.

A view asks (:meth:`ListSpec.ask`), narrows its rows by what was asked, and answers with
:func:`show_list`; the components ``c-list-tools`` and ``c-list-table`` draw it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from portico.portals.shared.exports import csv_stream
from portico.portals.shared.list_choices import hidden_columns
from portico.portals.shared.lists import SEARCH_CHARS, Page, page_of, plain

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from portico.portals.shared.http import StaffRequest

Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")

# Rows that an export reads and completes at a time.
CHUNK = 500
# Days that a database and a time zone can reckon with.
_YEARS = (1970, 2199)
# More choices than these stand in a drop-down instead of chips.
_CHIPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[Item]):
    """One column: ``text`` is what an export holds; the page's template draws the cell.

    ``order`` are the fields that sorting by it upwards means; none: not sortable.
    """

    key: str
    label: StrOrPromise
    text: Callable[[Item], object]
    order: tuple[str, ...] = ()
    # The column that says which row it is cannot be hidden.
    is_fixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One way to narrow: by one of ``choices``, or by a day where there are none."""

    key: str
    label: StrOrPromise
    choices: Mapping[str, StrOrPromise] = field(default_factory=dict)
    # A drop-down however few they are: their number changes with time.
    is_open: bool = False

    @property
    def is_day(self) -> bool:
        return not self.choices

    @property
    def is_chips(self) -> bool:
        """Whether all choices are shown at once."""
        return 0 < len(self.choices) <= _CHIPS and not self.is_open

    def valid(self, value: str) -> str:
        """``value`` if it is one that this filter knows, else nothing."""
        if not self.is_day:
            return value if value in self.choices else ""
        try:
            day = date.fromisoformat(value)
        except ValueError:
            return ""
        return day.isoformat() if _YEARS[0] <= day.year <= _YEARS[1] else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSpec(Generic[Item]):
    """What a list is, whoever looks at it."""

    name: str
    columns: Sequence[Column[Item]]
    # A column's key, or with "-" in front of it downwards; empty: the rows' own order.
    order: str = ""
    filters: Sequence[Filter] = ()
    # Keys of columns that are hidden until somebody wants them.
    hidden: frozenset[str] = frozenset()

    def ask(self, request: HttpRequest, *more: Filter) -> Asked:
        """What the address asks of this list; ``more``: filters of this person."""
        return self.read(request.GET, *more)

    def read(self, given: Mapping[str, str], *more: Filter) -> Asked:
        """The same of what an address has asked before."""
        filters = (*self.filters, *more)
        values = {one.key: one.valid(given.get(one.key, "")) for one in filters}
        orders = {one.key: one.order for one in self.columns if one.order}
        wanted = given.get("sort", "")
        order = wanted if wanted.removeprefix("-") in orders else self.order
        text = plain(given.get("q", ""), SEARCH_CHARS)
        return Asked(text, values, order, orders, filters)


@dataclass(frozen=True, slots=True)
class Asked:
    """Search, filters and order as they stand in an address, checked."""

    text: str
    values: Mapping[str, str]
    order: str
    orders: Mapping[str, tuple[str, ...]]
    filters: Sequence[Filter]

    def __getitem__(self, key: str) -> str:
        return self.values[key]

    def day(self, key: str) -> date | None:
        """The day that a filter without choices asks for."""
        return date.fromisoformat(self.values[key]) if self.values[key] else None

    def begins(self, key: str) -> datetime | None:
        """When that day begins for the viewer."""
        day = self.day(key)
        return _midnight(day) if day else None

    def ends(self, key: str) -> datetime | None:
        """When that day is over for the viewer."""
        day = self.day(key)
        return _midnight(day + timedelta(days=1)) if day else None

    @property
    def narrowing(self) -> dict[str, str]:
        """Search and filters alone, as an address has them."""
        given = {"q": self.text, **self.values}
        return {key: value for key, value in given.items() if value}

    @property
    def is_narrowed(self) -> bool:
        """Whether rows may be missing because of search or filters."""
        return bool(self.narrowing)

    def sorted(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """``rows`` in the order asked for; the key makes pages stable."""
        if not self.order:
            return rows
        down = self.order.startswith("-")
        names = (*self.orders[self.order.removeprefix("-")], "pk")
        return rows.order_by(*(_turned(name) if down else name for name in names))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _turned(name: str) -> str:
    return name.removeprefix("-") if name.startswith("-") else f"-{name}"


@dataclass(frozen=True, slots=True)
class Head:
    """One column as the page draws it."""

    key: str
    label: StrOrPromise
    is_fixed: bool
    is_hidden: bool
    # How the rows are sorted by it now, in the words of aria-sort.
    sorted: str
    # The address with the rows sorted by it; empty: cannot.
    url: str


@dataclass(frozen=True, slots=True)
class Chip:
    """One choice of a filter, as a link."""

    label: StrOrPromise
    url: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """One page of a list, for the templates."""

    name: str
    page: Page[Any]
    items: Sequence[Item]
    asked: Asked
    heads: Sequence[Head]
    # The address without page, to which an export or a filter is added.
    query: Mapping[str, str]

    @property
    def newest_pk(self) -> int:
        """The highest number on the page, to ask later for what is newer."""
        return max((row.pk for row in self.page.rows), default=0)

    @property
    def hidden_css(self) -> str:
        """Classes that hide the columns which the person has switched off."""
        numbers = [n for n, head in enumerate(self.heads, 1) if head.is_hidden]
        return " ".join(f"hide-{number}" for number in numbers)

    @property
    def has_choice(self) -> bool:
        """Whether there is a column to switch off."""
        return any(not head.is_fixed for head in self.heads)

    @property
    def filters(self) -> list[tuple[Filter, str]]:
        """The filters that are fields of the form, each with its value."""
        shown = [one for one in self.asked.filters if not one.is_chips]
        return [(one, self.asked[one.key]) for one in shown]

    @property
    def chips(self) -> list[tuple[Filter, list[Chip]]]:
        """The filters of few choices, each choice with its address."""
        shown = [one for one in self.asked.filters if one.is_chips]
        return [(one, [*self._chips(one)]) for one in shown]

    def _chips(self, one: Filter) -> Iterator[Chip]:
        now = self.asked[one.key]
        for value, label in [("", _("All")), *one.choices.items()]:
            rest = {key: held for key, held in self.query.items() if key != one.key}
            asked = rest | ({one.key: value} if value else {})
            yield Chip(label, f"?{urlencode(asked)}", is_here=value == now)

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the search form repeats: the address beside its own fields."""
        own = {"q", *(f.key for f in self.asked.filters if not f.is_chips)}
        return [(key, value) for key, value in self.query.items() if key not in own]

    def export_url(self, kind: str) -> str:
        """The address of all these rows as a file."""
        return f"?{urlencode({**self.query, 'export': kind})}"

    @property
    def csv_url(self) -> str:
        return self.export_url("csv")

    @property
    def json_url(self) -> str:
        return self.export_url("json")


def _same(rows: Sequence[Any]) -> Sequence[Any]:
    return rows


def _query(asked: Asked, spec: ListSpec[Any]) -> dict[str, str]:
    sort = asked.order if asked.order != spec.order else ""
    return asked.narrowing | ({"sort": sort} if sort else {})


def _heads(
    spec: ListSpec[Item], asked: Asked, query: Mapping[str, str], hidden: frozenset[str]
) -> list[Head]:
    heads = []
    for column in spec.columns:
        here = asked.order.removeprefix("-") == column.key
        up = here and not asked.order.startswith("-")
        state = ("ascending" if up else "descending") if here else ""
        other = f"-{column.key}" if up else column.key
        url = f"?{urlencode({**query, 'sort': other})}" if column.order else ""
        is_hidden = column.key in hidden and not column.is_fixed
        heads.append(
            Head(column.key, column.label, column.is_fixed, is_hidden, state, url)
        )
    return heads


def chunks(
    rows: QuerySet[Row], items: Callable[[Sequence[Row]], Sequence[Item]]
) -> Iterator[Item]:
    """All of ``rows``, completed by ``items`` some hundred at a time."""
    found = rows.iterator(chunk_size=CHUNK)
    while part := list(islice(found, CHUNK)):
        yield from items(part)


def listing(
    request: StaffRequest,
    spec: ListSpec[Item],
    asked: Asked,
    rows: QuerySet[Row],
    *,
    items: Callable[[Sequence[Row]], Sequence[Item]] = _same,
    whole: QuerySet[Row] | None = None,
) -> Listing[Item]:
    """The page of ``rows`` that the address asks for, as this person wants it."""
    page, query = page_of(request, asked.sorted(rows), whole), _query(asked, spec)
    hidden = hidden_columns(request.user.pk, spec.name, spec.hidden)
    heads = _heads(spec, asked, query, hidden)
    return Listing(spec.name, page, items(page.rows), asked, heads, query)


def show_list(
    request: StaffRequest,
    spec: ListSpec[Item],
    asked: Asked,
    rows: QuerySet[Row],
    *,
    page: str,
    items: Callable[[Sequence[Row]], Sequence[Item]] = _same,
    context: Mapping[str, Any] | None = None,
    whole: QuerySet[Row] | None = None,
) -> HttpResponse:
    """The template ``page`` with the list, or all its rows as a CSV file.

    ``items`` makes of rows what columns and template read, a page or a chunk at once.
    ``whole``, for a list with an order: from where the rows of a page are read, once they
    are found (:func:`page_of`). It is what scopes and completes them: ``rows`` need not.
    """
    if request.GET.get("export") == "csv":
        all_rows = rows if whole is None else whole.filter(pk__in=rows.values("pk"))
        cells = _cells(spec, chunks(asked.sorted(all_rows), items))
        head = [str(column.label) for column in spec.columns]
        # A streaming answer is an answer; Django's types keep the two apart.
        return _as_response(csv_stream(f"{spec.name}.csv", head, cells))
    shown = listing(request, spec, asked, rows, items=items, whole=whole)
    return render(request, page, {"listing": shown, **(context or {})})


def _as_response(answer: HttpResponseBase) -> HttpResponse:
    return cast("HttpResponse", answer)


def _cells(spec: ListSpec[Item], items: Iterable[Item]) -> Iterator[list[object]]:
    for item in items:
        yield [column.text(item) for column in spec.columns]
