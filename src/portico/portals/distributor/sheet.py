"""Reads MACs out of uploaded CSV and XLSX files that nobody has reason to trust."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

import openpyxl
from django.utils.translation import gettext as _
from openpyxl.utils.exceptions import InvalidFileException

from portico.devices.errors import ImportRefused
from portico.devices.services.mac_library import MAX_IMPORT_ROWS

Rows = list[tuple[int, str, str]]

MAX_FILE_BYTES = 5 * 1024 * 1024
# An honest workbook of 20,000 rows unpacks to some 2 MB; a bomb to gigabytes.
MAX_UNPACKED_BYTES = 60 * 1024 * 1024
MAX_PARTS = 200
# Wider cells hold no MAC and no model; cut before they are shown.
MAX_CELL = 64
_HEADINGS = {"mac", "mac address", "macaddress"}


def read_rows(name: str, file: IO[bytes], size: int) -> Rows:
    """The rows of an uploaded file as (row number, MAC, model), unchecked.

    A heading row and empty rows are passed over. Formulas are never calculated.

    :raises ImportRefused: too large, too many rows, or neither CSV nor XLSX.
    """
    if size > MAX_FILE_BYTES:
        raise ImportRefused(_("The file is larger than 5 MB."))
    kind = name.lower().rpartition(".")[2]
    if kind == "xlsx":
        cells = _xlsx(file)
    elif kind == "csv":
        cells = _csv(file)
    else:
        raise ImportRefused(_("Choose a file that ends in .csv or .xlsx."))
    rows = list(_pairs(cells))
    if not rows:
        raise ImportRefused(_("The file holds no rows."))
    return rows


def _pairs(cells: Iterable[list[str]]) -> Iterator[tuple[int, str, str]]:
    count = 0
    for number, row in enumerate(cells, start=1):
        mac, model = (*row[:2], "", "")[:2]
        if (not mac and not model) or (number == 1 and mac.lower() in _HEADINGS):
            continue
        count += 1
        if count > MAX_IMPORT_ROWS:
            raise ImportRefused(
                _("The file has more than %(count)d rows. Split it.")
                % {"count": MAX_IMPORT_ROWS}
            )
        yield number, mac, model


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()[:MAX_CELL]


def _csv(file: IO[bytes]) -> Iterator[list[str]]:
    try:
        text = file.read(MAX_FILE_BYTES + 1).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ImportRefused(_("The CSV file is not in UTF-8.")) from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            yield [_text(cell) for cell in row[:2]]
    except csv.Error:
        raise ImportRefused(_("The CSV file cannot be read.")) from None


def _xlsx(file: IO[bytes]) -> Iterator[list[str]]:
    content = file.read(MAX_FILE_BYTES + 1)
    _check_archive(content)
    unreadable = _("The XLSX file cannot be read.")
    try:
        book = openpyxl.load_workbook(
            # Formulas come as their text, which is no MAC: they show up as errors.
            io.BytesIO(content),
            read_only=True,
            data_only=False,
            keep_links=False,
        )
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError):
        raise ImportRefused(unreadable) from None
    try:
        sheet = book.active
        if sheet is None:
            raise ImportRefused(unreadable)
        for row in sheet.iter_rows(max_col=2, values_only=True):
            yield [_text(cell) for cell in row]
    except (KeyError, ValueError, TypeError, SyntaxError):
        # SyntaxError is what the XML parser calls broken markup.
        raise ImportRefused(unreadable) from None
    finally:
        book.close()


def _check_archive(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile:
        raise ImportRefused(_("The XLSX file cannot be read.")) from None
    # The sizes are the archive's own claim; unpacking stops there with an error.
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED_BYTES:
        raise ImportRefused(_("The XLSX file unpacks to more than it may."))
