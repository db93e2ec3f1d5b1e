"""Lists of 1,000 and of 100,000 rows: first page, search, last page, export."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tools.test import postgresql

from benchmarks.processes import Installation
from benchmarks.table import Row

FEW, MANY = 1_000, 100_000
# What a person waits for may take twice as long with a hundred times the rows. Below so
# many milliseconds nobody waits: a search, which reads all rows, is held to these.
MOST_TIMES = 2.0
FELT_MS = {"first page": 100.0, "search": 300.0, "last page": 100.0}
_SECONDS = 900.0


def run(place: Installation, *, quick: bool) -> list[Row]:
    many = MANY // 10 if quick else MANY
    rows = [*_rows(place, "SQLite", f"sqlite:///{place.data}/lists.sqlite3", many)]
    with postgresql() as url:
        return [*rows, *_rows(place, "PostgreSQL", url, many)]


def _rows(place: Installation, name: str, url: str, many: int) -> Iterator[Row]:
    extra = {
        "DJANGO_SETTINGS_MODULE": "portico.config.settings.test",
        "PORTICO_MODE": "test",
        "PORTICO_BUS_URL": "none",
        "PORTICO_DATABASE_URL": url,
    }
    client = place.start(f"client-{name}", "benchmarks.lists_client", extra=extra)
    few, lots = json.loads(client.ask(json.dumps([FEW, many]), _SECONDS))
    for title in few:
        yield from _figures(f"{name}, {title}", few[title], lots[title], many)


def _figures(
    title: str, few: Mapping[str, Any], lots: Mapping[str, Any], many: int
) -> Iterator[Row]:
    for what, felt in FELT_MS.items():
        ratio = lots[what] / few[what]
        yield Row(
            benchmark="lists",
            what=f"{title}: {what} of {many:,} rows beside {FEW:,}",
            measured=f"{lots[what]:.0f} ms, {lots['queries']} queries",
            beside=f"{few[what]:.0f} ms, {few['queries']} queries",
            ratio=f"{ratio:.1f}x",
            target=f"<= {MOST_TIMES:.0f}x or {felt:.0f} ms, same queries",
            passed=(ratio <= MOST_TIMES or lots[what] <= felt)
            and lots["queries"] == few["queries"],
        )
    if not lots["export"]:
        return
    yield Row(
        benchmark="lists",
        what=f"{title}: all {many:,} rows as CSV, streamed",
        measured=f"{many / lots['export'] * 1_000:,.0f} rows/s",
        beside=f"{FEW / few['export'] * 1_000:,.0f} rows/s",
    )
