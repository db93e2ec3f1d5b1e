"""Files of whole lists: made in the background, for who asked, and not for long."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import TestCase

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.exports import ports
from portico.exports.enums import ExportFormat, ExportState
from portico.exports.errors import TooManyExports
from portico.exports.models import Export
from portico.exports.ports import Order, Piece, Source, register_source
from portico.exports.services.exporting import (
    GIVEN_UP_AFTER,
    KEPT,
    cancel_export,
    purge_exports,
    remove_export,
    request_export,
    run_export,
    sweep_exports,
)
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from tests.factories import make_installer, make_user, run_jobs

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


class Rows:
    """A list of ten rows, read two at a time, with something done between."""

    def __init__(self) -> None:
        self.between: list[Any] = []
        self.seen: list[tuple[int, int | None]] = []

    def total(self, order: Order) -> int:
        assert order.query == "q=x"
        return 10

    def pieces(self, order: Order) -> Iterator[Piece]:
        for number in range(5):
            yield Piece(f"{order.user.pk} {number}\n", 2)
            export = Export.objects.filter(state="running").latest("requested_at")
            self.seen.append((export.rows_done, export.rows_total))
            for act in self.between:
                act(export)


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Rows:
    monkeypatch.setattr(ports, "_SOURCES", {})
    made = Rows()
    register_source("rows", Source(made.total, made.pieces))
    return made


@pytest.fixture
def ida() -> User:
    return make_installer("ida")


@pytest.fixture(autouse=True)
def clean_storage() -> None:
    # Other tests leave theirs.
    for name in files():
        default_storage.delete(f"exports/{name}")


def files() -> list[str]:
    if not default_storage.exists("exports"):
        return []
    return default_storage.listdir("exports")[1]


def ordered(actor: User, source: str = "rows") -> Export:
    return request_export(
        actor=actor,
        source=source,
        query="q=x",
        file_format=ExportFormat.CSV,
        now=utcnow(),
    )


def test_an_export_is_a_job_that_says_how_far_it_is(ida: User, rows: Rows) -> None:
    export = ordered(ida)
    assert (export.state, export.rows_total) == (ExportState.WAITING, None)
    run_jobs()

    export.refresh_from_db()
    assert export.state == ExportState.DONE
    assert rows.seen == [(2, 10), (4, 10), (6, 10), (8, 10), (10, 10)]
    with default_storage.open(export.file) as file:
        content = file.read().decode()
    assert content.splitlines() == [f"{ida.pk} {number}" for number in range(5)]
    assert export.size == len(content)
    audit = AuditEntry.objects.get(action="export.requested")
    assert (audit.actor_id, audit.after) == (ida.pk, {"query": "q=x"})


def test_a_cancelled_export_stops_and_leaves_no_file(ida: User, rows: Rows) -> None:
    export = ordered(ida)
    rows.between = [lambda one: cancel_export(export=one, now=utcnow())]
    run_jobs()

    export.refresh_from_db()
    assert (export.state, export.rows_done, len(rows.seen)) == ("cancelled", 2, 1)
    assert files() == []
    assert not cancel_export(export=export, now=utcnow())
    run_export(export_id=export.pk, clock=utcnow)
    assert len(rows.seen) == 1


def test_an_export_removed_while_it_runs_leaves_nothing(ida: User, rows: Rows) -> None:
    ordered(ida)
    rows.between = [lambda one: remove_export(export=one)]
    run_jobs()

    assert not Export.objects.exists()
    assert files() == []


def test_a_run_that_was_taken_over_stops(ida: User, rows: Rows) -> None:
    export = ordered(ida)

    def take_over(one: Export) -> None:
        rows.between = []
        run_export(export_id=one.pk, clock=utcnow)

    rows.between = [take_over]
    run_jobs()

    export.refresh_from_db()
    assert export.state == ExportState.DONE
    # One piece of the first run, five of the second, and one file.
    assert len(rows.seen) == 6
    assert files() == [export.file.removeprefix("exports/")]


def test_a_full_disk_is_said_in_words(
    ida: User, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*words: object) -> str:
        raise OSError(28, "No space left on device")

    export = ordered(ida)
    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "save", full)
        run_jobs()

    export.refresh_from_db()
    assert (export.state, export.failure) == ("failed", "storage")
    assert "disk" in export.get_failure_display()


def test_who_may_no_longer_see_it_is_told(ida: User, rows: Rows) -> None:
    def gone(order: Order) -> int:
        raise NotVisible

    register_source("gone", Source(gone, rows.pieces))
    lost = ordered(ida, "gone")
    unknown = ordered(ida, "nobody knows")
    run_jobs()
    for export in (lost, unknown):
        export.refresh_from_db()
        assert (export.state, export.failure) == ("failed", "not_visible")

    left = ordered(ida)
    ida.membership.delete()
    run_jobs()
    left.refresh_from_db()
    assert left.failure == "not_visible"


def test_one_person_waits_for_two_at_most(ida: User, rows: Rows) -> None:
    ordered(ida)
    ordered(ida)
    with pytest.raises(TooManyExports):
        ordered(ida)
    ordered(make_installer())
    run_jobs()
    ordered(ida)
    with pytest.raises(NotVisible):
        ordered(make_user())
    assert Export.objects.count() == 4


def test_what_shows_no_sign_of_life_is_given_up(ida: User, rows: Rows) -> None:
    export = ordered(ida)
    now = utcnow()
    purge_exports(now=now)
    assert Export.objects.get().state == ExportState.WAITING
    purge_exports(now=now + GIVEN_UP_AFTER + timedelta(seconds=1))
    export.refresh_from_db()
    assert (export.state, export.failure) == ("failed", "given_up")
    run_jobs()  # a run that comes after all begins nothing
    export.refresh_from_db()
    assert export.state == ExportState.FAILED


def test_old_files_go_and_lost_ones_are_swept(ida: User, rows: Rows) -> None:
    ordered(ida)
    run_jobs()
    assert len(files()) == 1
    with TestCase.captureOnCommitCallbacks(execute=True):
        purge_exports(now=utcnow() + KEPT - timedelta(minutes=1))
    assert len(files()) == 1
    ida_lost = ordered(ida)
    run_export(export_id=ida_lost.pk, clock=utcnow)
    Export.objects.filter(pk=ida_lost.pk).delete()
    sweep_exports(now=utcnow())
    assert len(files()) == 2  # it might be one that is just being made
    sweep_exports(now=utcnow() + timedelta(days=2))
    assert len(files()) == 1
    with TestCase.captureOnCommitCallbacks(execute=True):
        purge_exports(now=utcnow() + KEPT + timedelta(minutes=1))
    assert files() == []
    assert not Export.objects.exists()


def test_an_unknown_export_is_no_fault() -> None:
    run_export(export_id=uuid.uuid4(), clock=utcnow)
