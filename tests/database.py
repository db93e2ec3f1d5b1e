"""Lets tests empty the database although the audit log refuses it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from importlib import import_module
from unittest import mock

from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations

_append_only = import_module("portico.audit.migrations.0002_append_only")
_flush = BaseDatabaseOperations.execute_sql_flush


@contextlib.contextmanager
def _unguarded() -> Iterator[None]:
    """The audit table without its triggers, for the length of the block."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE audit_auditentry DISABLE TRIGGER USER")
            yield
            cursor.execute("ALTER TABLE audit_auditentry ENABLE TRIGGER USER")
            return
        for name in ("audit_no_update", "audit_no_delete"):
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        yield
        for statement in _append_only.SQLITE:
            cursor.execute(statement)


def _execute_sql_flush(self: BaseDatabaseOperations, sql_list: Sequence[str]) -> None:
    with _unguarded():
        _flush(self, sql_list)


@contextlib.contextmanager
def flushable() -> Iterator[None]:
    """Make Django's flush work for the length of the block."""
    with mock.patch.object(
        BaseDatabaseOperations, "execute_sql_flush", _execute_sql_flush
    ):
        yield
