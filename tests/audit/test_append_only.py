"""The database refuses to change the audit log, after all migrations."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from portico.audit.models import AuditEntry
from portico.audit.services import record
from portico.kernel.clock import utcnow
from tests.factories import make_user

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


@pytest.fixture
def entry() -> AuditEntry:
    return record(actor=None, action="a.b", subject=make_user(), now=utcnow())


def refused(statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_an_entry_cannot_be_changed(entry: AuditEntry) -> None:
    refused("UPDATE audit_auditentry SET actor_name = 'nobody'")
    entry.refresh_from_db()
    assert entry.actor_name == ""


def test_an_entry_cannot_be_deleted(entry: AuditEntry) -> None:
    refused("DELETE FROM audit_auditentry")
    assert AuditEntry.objects.filter(pk=entry.pk).exists()


def test_the_log_cannot_be_emptied(entry: AuditEntry) -> None:
    if connection.vendor == "postgresql":
        refused("TRUNCATE audit_auditentry")
    assert AuditEntry.objects.filter(pk=entry.pk).exists()
