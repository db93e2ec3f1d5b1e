"""Ordering, making, cancelling and forgetting files of whole lists.

The job may run twice, also at once: each run marks the export as its own, and every step
of it is a conditional update. A run that finds another's mark, or a cancelled export,
stops and leaves no file.
"""

from __future__ import annotations

import secrets
import tempfile
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import IO

import structlog
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone, translation

from portico.accounts.models import User
from portico.audit.services import record
from portico.exports.enums import UNDER_WAY, ExportFailure, ExportFormat, ExportState
from portico.exports.errors import TooManyExports
from portico.exports.models import Export
from portico.exports.ports import Order, Piece, Source, find_source
from portico.exports.selectors import count_under_way
from portico.kernel.errors import NotVisible
from portico.kernel.queue import enqueue
from portico.tenancy.selectors import membership_of

log = structlog.get_logger(__name__)

RUN = "exports.run"
# A file of personal data is fetched soon or not at all.
KEPT = timedelta(days=7)
# One person's files must not keep all threads of a worker busy.
MOST_AT_ONCE = 2
# A piece of some hundred rows takes far less; a worker that died is replaced in seconds.
GIVEN_UP_AFTER = timedelta(minutes=15)
FOLDER = "exports"
# A file is there before its row says so.
_MADE_JUST_NOW = timedelta(days=1)

Clock = Callable[[], datetime]


@transaction.atomic
def request_export(
    *, actor: User, source: str, query: str, file_format: ExportFormat, now: datetime
) -> Export:
    """Order all rows of a list as a file.

    :raises NotVisible: ``actor`` works nowhere.
    :raises TooManyExports: he waits for some already.
    """
    membership = membership_of(actor)
    if membership is None:
        raise NotVisible
    # Held, so that of two at once the second counts the first.
    User.objects.select_for_update().filter(pk=actor.pk).first()
    if count_under_way(actor) >= MOST_AT_ONCE:
        raise TooManyExports
    export = Export.objects.create(
        requested_by=actor,
        organization_id=membership.organization_id,
        source=source,
        query=query[:1023],
        format=file_format,
        requested_at=now,
        touched_at=now,
    )
    record(
        actor=actor,
        action="export.requested",
        subject=export,
        organization_id=membership.organization_id,
        after={"query": export.query},
        now=now,
    )
    enqueue(RUN, export_id=str(export.pk))
    return export


def run_export(*, export_id: uuid.UUID, clock: Clock) -> None:
    """Make the file, telling all the way how far it is."""
    mine = uuid.uuid4()
    began = Export.objects.filter(pk=export_id, state__in=UNDER_WAY).update(
        state=ExportState.RUNNING, run=mine, rows_done=0, touched_at=clock()
    )
    if not began:
        return  # cancelled, or done by another run
    export = Export.objects.select_related("requested_by").get(pk=export_id)
    source, user = find_source(export.source), export.requested_by
    membership = membership_of(user)
    is_his = membership and membership.organization_id == export.organization_id
    if source is None or not is_his:
        _finish(export, clock(), state=ExportState.FAILED, failure="not_visible")
        return
    # What he sees is in English, like the pages.
    with timezone.override(user.zone), translation.override("en"):
        try:
            _make(export, source, clock)
        except NotVisible:
            failure = ExportFailure.NOT_VISIBLE
            _finish(export, clock(), state=ExportState.FAILED, failure=failure)
        except OSError as error:
            log.warning("export_not_written", id=str(export.pk), error=str(error))
            failure = ExportFailure.STORAGE
            _finish(export, clock(), state=ExportState.FAILED, failure=failure)


def _make(export: Export, source: Source, clock: Clock) -> None:
    order = Order(export.requested_by, export.query, export.format)
    _mine(export).update(rows_total=source.total(order), touched_at=clock())
    with tempfile.TemporaryFile() as file:
        if not _write(export, source.pieces(order), file, clock):
            return
        size = file.tell()
        file.seek(0)
        wanted = f"{FOLDER}/{secrets.token_hex(16)}.{export.format}"
        name = default_storage.save(wanted, File(file))
    is_kept = False
    try:
        is_kept = _finish(export, clock(), state=ExportState.DONE, file=name, size=size)
    finally:
        if not is_kept:
            default_storage.delete(name)


def _write(
    export: Export, pieces: Iterable[Piece], file: IO[bytes], clock: Clock
) -> bool:
    """False: it was cancelled, or another run is at it."""
    done = 0
    for piece in pieces:
        file.write(piece.text.encode())
        done += piece.rows
        # Rows that came meanwhile make no 101 per cent.
        total = Greatest("rows_total", done)
        going = _mine(export).update(
            rows_done=done, rows_total=total, touched_at=clock()
        )
        if not going:
            return False
    return True


def _mine(export: Export) -> QuerySet[Export]:
    return Export.objects.filter(
        pk=export.pk, state=ExportState.RUNNING, run=export.run
    )


def _finish(export: Export, now: datetime, **changes: object) -> bool:
    return bool(_mine(export).update(finished_at=now, touched_at=now, **changes))


def cancel_export(*, export: Export, now: datetime) -> bool:
    """Stop an export that the caller was shown; False: it is over already."""
    going = Export.objects.filter(pk=export.pk, state__in=UNDER_WAY)
    return bool(
        going.update(state=ExportState.CANCELLED, finished_at=now, touched_at=now)
    )


@transaction.atomic
def remove_export(*, export: Export) -> None:
    """Delete an export that the caller was shown, with its file; a run of it stops."""
    held = Export.objects.select_for_update().filter(pk=export.pk).first()
    if held is None:
        return
    held.delete()
    if held.file:
        name = held.file
        transaction.on_commit(lambda: default_storage.delete(name), robust=True)


def purge_exports(*, now: datetime) -> None:
    """Give up what shows no sign of life, and delete what is old, with its file."""
    Export.objects.filter(
        state__in=UNDER_WAY, touched_at__lt=now - GIVEN_UP_AFTER
    ).update(state=ExportState.FAILED, failure=ExportFailure.GIVEN_UP, finished_at=now)
    for export in Export.objects.filter(requested_at__lt=now - KEPT):
        remove_export(export=export)


def sweep_exports(*, now: datetime) -> None:
    """Delete the files whose rows went with a person, or never came to be."""
    if not default_storage.exists(FOLDER):
        return
    # What is there is listed before what is known is asked.
    found = {f"{FOLDER}/{name}" for name in default_storage.listdir(FOLDER)[1]}
    known = set(Export.objects.exclude(file="").values_list("file", flat=True))
    for name in found - known:
        if default_storage.get_modified_time(name) < now - _MADE_JUST_NOW:
            default_storage.delete(name)
