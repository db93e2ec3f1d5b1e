"""Text for spreadsheets that a spreadsheet cannot mistake for a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import tzinfo
from itertools import islice

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone, translation

# What makes a spreadsheet calculate; a tab or line break in front does not help.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
# The mark tells spreadsheets that it is UTF-8.
_UTF8 = "\ufeff"
# As many as are worth a write to the network.
_LINES = 100


def plain_cell(value: object) -> str:
    """``value`` as text that is shown as it stands."""
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def csv_download(
    name: str, head: Sequence[str], rows: Iterable[Sequence[object]]
) -> HttpResponse:
    """A short CSV file for the browser to save as ``name``."""
    response = HttpResponse(
        "".join(_csv_lines(head, rows)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def csv_stream(
    name: str, head: Sequence[str], rows: Iterable[Sequence[object]]
) -> StreamingHttpResponse:
    """The same for any number of ``rows``: never more than a part is in memory."""
    return _stream(name, "text/csv; charset=utf-8", _csv_lines(head, rows))


def json_stream(
    name: str, rows: Iterable[Mapping[str, object]]
) -> StreamingHttpResponse:
    """A JSON array of objects, one a line."""
    return _stream(name, "application/json", _json_lines(rows))


def csv_text(rows: Iterable[Sequence[object]], *, is_first: bool = False) -> str:
    """A part of a CSV file; the first one has the mark in front."""
    with closing(io.StringIO()) as part:
        part.write(_UTF8 if is_first else "")
        csv.writer(part).writerows([plain_cell(cell) for cell in row] for row in rows)
        return part.getvalue()


def json_text(rows: Iterable[Mapping[str, object]], *, is_first: bool) -> str:
    """A part of a JSON array, an object a line, from its bracket on; JSON_END ends it."""
    lines = [json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False) for row in rows]
    if not lines:
        return "[" if is_first else ""
    return ("[\n" if is_first else ",\n") + ",\n".join(lines)


JSON_END = "\n]\n"


def _csv_lines(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    with closing(io.StringIO()) as line:
        writer = csv.writer(line)
        yield _UTF8
        for row in _with_head(head, rows):
            writer.writerow([plain_cell(cell) for cell in row])
            yield line.getvalue()
            line.seek(0)
            line.truncate()


def _with_head(
    head: Sequence[str], rows: Iterable[Sequence[object]]
) -> Iterator[Sequence[object]]:
    yield head
    yield from rows


def _json_lines(rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    before = "[\n"
    for row in rows:
        yield before + json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)
        before = ",\n"
    yield "\n]\n" if before != "[\n" else "[]\n"


def _stream(name: str, kind: str, lines: Iterator[str]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(_parts(lines), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _parts(lines: Iterator[str]) -> Iterator[str]:
    """``lines`` in larger pieces, made in the viewer's language and zone.

    They are made after the view has returned, when these no longer hold.
    """
    language, zone = translation.get_language(), timezone.get_current_timezone()
    return _joined(lines, language or "en", zone)


def _joined(lines: Iterator[str], language: str, zone: tzinfo) -> Iterator[str]:
    part = "-"
    while part:
        with translation.override(language), timezone.override(zone):
            part = "".join(islice(lines, _LINES))
        yield part
