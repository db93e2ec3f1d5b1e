from __future__ import annotations

from django.contrib import messages
from django.core import signing
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from portico.devices.errors import ImportRefused
from portico.devices.selectors import (
    filter_mac_entries,
    get_visible_mac_entry,
    search_mac_entries,
    visible_mac_entries,
)
from portico.devices.services.mac_library import (
    MAX_IMPORT_ROWS,
    add_mac,
    check_rows,
    import_macs,
    remove_mac,
)
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, FileRefused
from portico.kernel.mac import pretty_mac
from portico.portals.distributor.forms import ImportForm, MacForm
from portico.portals.distributor.frame import library_owner_only
from portico.portals.shared.exports import csv_download
from portico.portals.shared.forms import blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import show_list
from portico.portals.shared.sheet import read_table
from portico.portals.shared.tables import MACS, mac_rows

_SALT = "mac-import"
# Wider cells hold no MAC and no model; cut before they are shown.
_MAX_CELL = 64
_HEADINGS = {"mac", "mac address", "macaddress"}
Rows = list[tuple[int, str, str]]
# Long enough to read the preview.
_PREVIEW_SECONDS = 3_600
# As many as help to correct a file.
_ERRORS_SHOWN, _ROWS_SHOWN = 200, 20


@library_owner_only
def mac_library(request: StaffRequest) -> HttpResponse:
    asked = MACS.ask(request)
    mine = visible_mac_entries(request.user)
    rows = filter_mac_entries(search_mac_entries(mine, asked.text), asked["state"])
    page = "distributor/mac_library.html"
    return show_list(request, MACS, asked, rows, items=mac_rows, page=page, whole=mine)


@library_owner_only
def mac_add(request: StaffRequest) -> HttpResponse:
    form = MacForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            entry = add_mac(
                actor=request.user, mac=data["mac"], model=data["model"], now=utcnow()
            )
        except DomainError as error:
            blame(form, error)
        else:
            messages.success(
                request, _("%(mac)s is added.") % {"mac": pretty_mac(entry.mac)}
            )
            return redirect("distributor:mac_library")
    return render(request, "distributor/mac_add.html", {"form": form})


@library_owner_only
def mac_remove(request: StaffRequest, entry_id: int) -> HttpResponse:
    entry = get_visible_mac_entry(request.user, entry_id)
    if request.method == "POST":
        remove_mac(actor=request.user, entry=entry, now=utcnow())
        messages.success(
            request, _("%(mac)s is removed.") % {"mac": pretty_mac(entry.mac)}
        )
        return redirect("distributor:mac_library")
    return render(request, "distributor/mac_remove.html", {"entry": entry})


@library_owner_only
def mac_import(request: StaffRequest) -> HttpResponse:
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            rows = _read(upload)
        except FileRefused as error:
            blame(form, error)
        else:
            return _preview(request, rows)
    return render(request, "distributor/mac_import.html", {"form": form})


def _read(upload: UploadedFile[bytes]) -> Rows:
    """Row number, MAC and model; a heading row is passed over.

    :raises FileRefused: see :func:`read_table`.
    """
    rows = read_table(
        upload,
        columns=2,
        width=_MAX_CELL,
        most=MAX_IMPORT_ROWS,
        headings=_HEADINGS,
    )
    return [(number, mac, model) for number, (mac, model) in rows]


def _preview(request: StaffRequest, rows: Rows) -> HttpResponse:
    checked = check_rows(rows)
    wrong = [row for row in checked if row.problem]
    context = {
        "count": len(checked),
        "wrong_count": len(wrong),
        "wrong": wrong[:_ERRORS_SHOWN],
        "first": checked[:_ROWS_SHOWN],
        "rows": "" if wrong else signing.dumps(rows, salt=_SALT, compress=True),
    }
    return render(request, "distributor/mac_preview.html", context)


@require_POST
@library_owner_only
def mac_load(request: StaffRequest) -> HttpResponse:
    try:
        rows: Rows = signing.loads(
            request.POST.get("rows", ""), salt=_SALT, max_age=_PREVIEW_SECONDS
        )
    except signing.BadSignature:
        messages.error(request, _("The preview has expired. Choose the file again."))
        return redirect("distributor:mac_import")
    try:
        count = import_macs(
            actor=request.user,
            rows=[(n, mac, model) for n, mac, model in rows],
            now=utcnow(),
        )
    except ImportRefused:  # somebody registered one of them since: show which
        return _preview(request, rows)
    text = ngettext("%(n)d MAC is added.", "%(n)d MACs are added.", count)
    messages.success(request, text % {"n": count})
    return redirect("distributor:mac_library")


@library_owner_only
def mac_template(request: StaffRequest) -> HttpResponse:
    del request
    example = [("0C:11:05:12:34:56", "R29"), ("0c1105123457", "")]
    return csv_download("mac-library-template.csv", ("MAC", "Model"), example)
