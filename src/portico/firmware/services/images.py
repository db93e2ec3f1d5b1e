"""Where images lie, and what they must be before they are kept."""

from __future__ import annotations

import errno
import hashlib
import re
import secrets
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any, Final, cast

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from portico.devices.catalogue import DeviceModel
from portico.firmware.errors import BadImage
from portico.firmware.models import Artifact
from portico.firmware.rules import is_version

# Android units' images are the largest, some hundred MB.
MAX_BYTES: Final = 512 * 1024 * 1024
FOLDER: Final = "firmware"
_NAME_CHARS: Final = 127
# A file is there before its row is.
_MADE_JUST_NOW: Final = timedelta(days=1)
_NUMBERED: Final = re.compile(r"(?<![\d.])\d{1,5}(?:\.\d{1,5}){2,4}(?!\.?\d)")


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as it lies in the storage, measured while it was written there."""

    file: str
    size: int
    sha256: str
    md5: str


class _Measured(File):  # type: ignore[type-arg]  # not subscriptable at run time
    """Counts and hashes what is read of it on its way into the storage."""

    def __init__(self, source: File[Any]) -> None:
        super().__init__(source.file)
        self.count = 0
        self.sha256 = hashlib.sha256()
        self.md5 = hashlib.md5(usedforsecurity=False)

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        for chunk in super().chunks(chunk_size):
            self.count += len(chunk)
            self.sha256.update(chunk)
            self.md5.update(chunk)
            yield chunk


def check_image(model: DeviceModel, version: str, file: File[Any]) -> None:
    """Refuse what is not an image of that version for ``model``.

    :raises BadImage: says what is wrong with it.
    """
    if problem := _problem_of_version(model, version):
        raise BadImage(problem, field="version")
    name = file.name or ""
    if problem := _problem_of_name(model, version, name):
        raise BadImage(problem)
    if problem := _problem_of_content(model, file):
        raise BadImage(problem)


def _problem_of_version(model: DeviceModel, version: str) -> str:
    if not (version.isascii() and is_version(version)):
        return _("Numbers with dots, as the device reports it: 29.30.10.128.")
    if version.split(".", maxsplit=1)[0] != str(model.model_id):
        return _("Versions of %(model)s begin with %(id)d.") % {
            "model": model.name,
            "id": model.model_id,
        }
    return ""


def _problem_of_name(model: DeviceModel, version: str, name: str) -> str:
    if len(name) > _NAME_CHARS or not name.isprintable():
        return _("Give the file a shorter name, without special characters.")
    if not name.lower().endswith(model.firmware_type):
        return _("Images for %(model)s end with %(suffix)s.") % {
            "model": model.name,
            "suffix": model.firmware_type,
        }
    named = _NUMBERED.findall(name)
    if named and version not in named:
        return _("The file's name says that it is version %(version)s.") % {
            "version": named[0]
        }
    return ""


def _problem_of_content(model: DeviceModel, file: File[Any]) -> str:
    if not file.size:
        return _("The file is empty.")
    if file.size > MAX_BYTES:
        return _("An image has at most %(mb)d MB.") % {"mb": MAX_BYTES // 1024**2}
    if model.firmware_type == ".zip" and not _is_zip(file):
        return _("The file is not a ZIP archive that can be read.")
    return ""


def _is_zip(file: File[Any]) -> bool:
    """Whether its list of contents is in order; the contents are the unit's to check."""
    try:
        with zipfile.ZipFile(cast("IO[bytes]", file)) as archive:
            return bool(archive.infolist())
    # The second: a version of the format that nobody has written yet.
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError):
        return False


@contextmanager
def stored(file: File[Any], suffix: str) -> Iterator[Stored]:
    """Keep ``file`` if the block, which writes its row, succeeds.

    It passes through in pieces: neither side ever holds the whole.

    :raises BadImage: there is no room for it.
    """
    wanted = f"{FOLDER}/{secrets.token_hex(16)}{suffix}"
    measured = _Measured(file)
    is_kept = False
    try:
        try:
            name = default_storage.save(wanted, measured)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise BadImage(_("The server has no room for the image.")) from None
        yield Stored(
            name, measured.count, measured.sha256.hexdigest(), measured.md5.hexdigest()
        )
        is_kept = True
    finally:
        if not is_kept:
            default_storage.delete(wanted)


def delete_on_commit(name: str) -> None:
    """Delete a file once the row that named it is gone for good."""
    transaction.on_commit(lambda: default_storage.delete(name), robust=True)


def sweep_images(*, now: datetime) -> None:
    """Delete the files whose rows were never written, or are gone."""
    if not default_storage.exists(FOLDER):
        return
    # What is there is listed before what is known is asked.
    found = {f"{FOLDER}/{name}" for name in default_storage.listdir(FOLDER)[1]}
    known = set(Artifact.objects.values_list("file", flat=True))
    for name in found - known:
        if default_storage.get_modified_time(name) < now - _MADE_JUST_NOW:
            default_storage.delete(name)
