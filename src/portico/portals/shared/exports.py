"""Text for spreadsheets that a spreadsheet cannot mistake for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

# What makes a spreadsheet calculate; a tab or line break in front does not help.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def plain_cell(value: object) -> str:
    """``value`` as text that is shown as it stands."""
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def csv_download(
    name: str, head: Sequence[str], rows: Iterable[Sequence[object]]
) -> HttpResponse:
    """A CSV file for the browser to save as ``name``."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([plain_cell(cell) for cell in head])
    writer.writerows([plain_cell(cell) for cell in row] for row in rows)
    # The mark tells spreadsheets that it is UTF-8.
    response = HttpResponse(
        "\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
