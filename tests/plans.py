"""By which index the database finds its rows, on SQLite, whose plans are told by words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

ON_SQLITE = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="its plans are told by words"
)


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database, with the parameters apart."""
    asked: list[tuple[str, Any]] = []

    def note(
        execute: Callable[..., object], sql: str, params: Any, many: bool, context: Any
    ) -> object:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield asked


def plan_of(sql: str, params: Any) -> list[str]:
    """How SQLite, which knows of no numbers of rows, would answer."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        return [row[-1] for row in cursor.fetchall()]
