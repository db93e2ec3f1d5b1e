"""Files are kept under random names and handed out by views that know whose they are."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Final

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from portico.support.models import Attachment, Manual
from portico.support.rules import FileData

TICKETS: Final = "support"
MANUALS: Final = "manuals"
# A file is there before its row is.
_MADE_JUST_NOW: Final = timedelta(days=1)


@contextmanager
def stored(files: Sequence[FileData], folder: str) -> Iterator[list[str]]:
    """Keep ``files`` if the block, which writes their rows, succeeds; their names."""
    names: list[str] = []
    is_kept = False
    try:
        for file in files:
            suffix = PurePath(file.plain_name).suffix.lower()
            wanted = f"{folder}/{secrets.token_hex(16)}{suffix}"
            names.append(default_storage.save(wanted, ContentFile(file.content)))
        yield names
        is_kept = True
    finally:
        if not is_kept:
            for name in names:
                default_storage.delete(name)


def delete_on_commit(name: str) -> None:
    """Delete a file once the row that named it is gone for good."""
    transaction.on_commit(lambda: default_storage.delete(name), robust=True)


def sweep_files(*, now: datetime) -> None:
    """Delete the files whose rows went with a company or were lost with a process."""
    for folder, rows in ((TICKETS, Attachment.objects), (MANUALS, Manual.objects)):
        if not default_storage.exists(folder):
            continue
        # What is there is listed before what is known is asked.
        found = {f"{folder}/{name}" for name in default_storage.listdir(folder)[1]}
        known = set(rows.values_list("file", flat=True))
        for name in found - known:
            if default_storage.get_modified_time(name) < now - _MADE_JUST_NOW:
                default_storage.delete(name)
