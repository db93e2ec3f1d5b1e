"""Houses and residents from a file: template, preview, loading with its progress."""

from __future__ import annotations

import uuid

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from portico.houses.enums import ImportState
from portico.houses.selectors import get_import, visible_imports
from portico.houses.services.importing import (
    forget_import,
    keep_import,
    start_import,
)
from portico.houses.sheet import COLUMNS, MOST_CELL, MOST_ROWS, check_rows
from portico.kernel.clock import utcnow
from portico.kernel.errors import FileRefused
from portico.portals.installer.frame import at_home_only
from portico.portals.shared.choices import MAIL_LANGUAGES
from portico.portals.shared.exports import csv_download
from portico.portals.shared.forms import StyledForm, blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.progress import Progress
from portico.portals.shared.sheet import read_table
from portico.sites.rules import FREE_MEMBERS

# As many as help to correct a file, and as show what was read.
_ERRORS_SHOWN, _HOUSES_SHOWN = 200, 20
_EXAMPLES = (
    (
        "House",
        "Ada Ryan",
        "Villa Ryan",
        "ada@example.com",
        "DE",
        "0151 23456789",
        "Lindenweg 4, 20095 Hamburg",
        "SIP",
        "Europe/Berlin",
        "German",
        "24h",
        "",
        "",
        "",
        "no",
        "no",
        "yes",
    ),
    ("Member", "Ben Ryan", "", "ben@example.com", *[""] * 13),
)


class HouseFileForm(StyledForm):
    """A file of houses."""

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "CSV or XLSX, at most 5 MB and 5,000 rows, with the columns of the template."
        ),
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx", "class": "form-control"}),
        error_messages={"required": _("Choose a file.")},
    )


def _languages() -> dict[str, str]:
    codes = {code: code for code, _name in MAIL_LANGUAGES}
    return codes | {str(name).lower(): code for code, name in MAIL_LANGUAGES}


@at_home_only
def import_new(request: StaffRequest) -> HttpResponse:
    form = HouseFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            rows = read_table(
                upload,
                columns=len(COLUMNS),
                width=MOST_CELL,
                most=MOST_ROWS,
                headings={COLUMNS[0].lower()},
            )
        except FileRefused as error:
            blame(form, error)
        else:
            checked = check_rows(
                rows, languages=_languages(), free_members=FREE_MEMBERS
            )
            if not checked.problems:
                kept = keep_import(
                    actor=request.user,
                    file_name=upload.name or "",
                    households=checked.households,
                    now=utcnow(),
                )
                return redirect("installer:house_import", kept.pk)
            context = {
                "form": form,
                "count": len(rows),
                "problems": checked.problems[:_ERRORS_SHOWN],
                "wrong_count": len({problem.row for problem in checked.problems}),
            }
            return render(request, "installer/houses/import.html", context)
    context = {"form": form, "imports": visible_imports(request.user)[:5]}
    return render(request, "installer/houses/import.html", context)


@at_home_only
def house_import(request: StaffRequest, import_id: uuid.UUID) -> HttpResponse:
    found = get_import(request.user, import_id)
    done, total = found.houses_done, found.houses_total
    if found.state == ImportState.TELLING:
        done = found.houses_told
    context = {
        "one": found,
        "progress": Progress(done, total, found.is_under_way),
    }
    part = "installer/houses/_import_state.html"
    page = "installer/houses/import_one.html"
    return render(request, part if request.htmx else page, context)


@require_POST
@at_home_only
def import_start(request: StaffRequest, import_id: uuid.UUID) -> HttpResponse:
    found = get_import(request.user, import_id)
    start_import(house_import=found, now=utcnow())
    return redirect("installer:house_import", found.pk)


@require_POST
@at_home_only
def import_forget(request: StaffRequest, import_id: uuid.UUID) -> HttpResponse:
    forget_import(house_import=get_import(request.user, import_id))
    return redirect("installer:house_import_new")


@at_home_only
def import_template(request: StaffRequest) -> HttpResponse:
    del request
    return csv_download("houses-template.csv", COLUMNS, _EXAMPLES)
