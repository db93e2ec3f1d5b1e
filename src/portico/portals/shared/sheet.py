"""Reads tables out of uploaded CSV and XLSX files that nobody has reason to trust."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Collection, Iterator
from typing import IO, Any

import openpyxl
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from openpyxl.utils.exceptions import InvalidFileException

from portico.kernel.errors import FileRefused

MAX_FILE_BYTES = 5 * 1024 * 1024
# An honest workbook of 20,000 rows unpacks to some 2 MB; a bomb to gigabytes.
MAX_UNPACKED_BYTES = 60 * 1024 * 1024
MAX_PARTS = 200


def read_table(
    upload: UploadedFile[Any],
    *,
    columns: int,
    width: int,
    most: int,
    headings: Collection[str],
) -> list[tuple[int, list[str]]]:
    """The rows of an uploaded file with their numbers, as texts; empty ones left out.

    Of each row the first ``columns`` cells are read, of each cell ``width`` characters;
    more than ``most`` rows are refused. A first row that begins with one of ``headings``
    (in small letters) is passed over. Formulas are never calculated.

    :raises FileRefused: too large, too many rows, or neither CSV nor XLSX.
    """
    file: IO[bytes] = upload
    if (upload.size or 0) > MAX_FILE_BYTES:
        raise FileRefused(_("The file is larger than 5 MB."))
    kind = (upload.name or "").lower().rpartition(".")[2]
    if kind == "xlsx":
        cells = _xlsx(file, columns)
    elif kind == "csv":
        cells = _csv(file, columns)
    else:
        raise FileRefused(_("Choose a file that ends in .csv or .xlsx."))
    rows: list[tuple[int, list[str]]] = []
    for number, row in enumerate(cells, start=1):
        texts = [_text(cell)[:width] for cell in row]
        if not any(texts) or (number == 1 and texts[0].lower() in headings):
            continue
        rows.append((number, texts + [""] * (columns - len(texts))))
        if len(rows) > most:
            raise FileRefused(
                _("The file has more than %(count)d rows. Split it.") % {"count": most}
            )
    if not rows:
        raise FileRefused(_("The file holds no rows."))
    return rows


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _csv(file: IO[bytes], columns: int) -> Iterator[list[Any]]:
    try:
        text = file.read(MAX_FILE_BYTES + 1).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileRefused(_("The CSV file is not in UTF-8.")) from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            yield list(row[:columns])
    except csv.Error:
        raise FileRefused(_("The CSV file cannot be read.")) from None


def _xlsx(file: IO[bytes], columns: int) -> Iterator[list[Any]]:
    content = file.read(MAX_FILE_BYTES + 1)
    _check_archive(content)
    unreadable = _("The XLSX file cannot be read.")
    try:
        book = openpyxl.load_workbook(
            # Formulas come as their text, and show up as errors.
            io.BytesIO(content),
            read_only=True,
            data_only=False,
            keep_links=False,
        )
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError):
        raise FileRefused(unreadable) from None
    try:
        sheet = book.active
        if sheet is None:
            raise FileRefused(unreadable)
        for row in sheet.iter_rows(max_col=columns, values_only=True):
            yield list(row)
    except (KeyError, ValueError, TypeError, SyntaxError):
        # SyntaxError is what the XML parser calls broken markup.
        raise FileRefused(unreadable) from None
    finally:
        book.close()


def _check_archive(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile:
        raise FileRefused(_("The XLSX file cannot be read.")) from None
    # The sizes are the archive's own claim; unpacking stops there with an error.
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED_BYTES:
        raise FileRefused(_("The XLSX file unpacks to more than it may."))
