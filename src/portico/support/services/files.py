"""Files are kept under random names and handed out by views that know whose they are."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from portico.support.rules import FileData


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
