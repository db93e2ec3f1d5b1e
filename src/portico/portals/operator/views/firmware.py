"""Firmware: what the operator offers to all installers (FW-1)."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from portico.devices.selectors import devices_below_to_sort
from portico.firmware.running import running_counts
from portico.firmware.selectors import get_version
from portico.firmware.services.versions import (
    delete_version,
    edit_log,
    mark_bad,
    unmark_bad,
    upload_version,
)
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError
from portico.portals.operator.firmware_forms import BadForm, LogForm, VersionForm
from portico.portals.operator.frame import operator_only
from portico.portals.shared.firmware import (
    BY_STATE,
    CREATED,
    LOG,
    MODEL,
    RUNNING,
    SIZE,
    STATE,
    VERSION,
    VersionRow,
    by_model,
    find_versions,
    model_name,
    version_rows,
)
from portico.portals.shared.forms import blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import ListSpec, show_list

VERSIONS: ListSpec[VersionRow] = ListSpec(
    name="firmware",
    columns=(VERSION, MODEL, LOG, CREATED, SIZE, RUNNING, STATE),
    order="-created",
    filters=(BY_STATE,),
)


@operator_only
def firmware(request: StaffRequest) -> HttpResponse:
    asked = VERSIONS.ask(request, by_model())
    rows = partial(version_rows, devices_below_to_sort(request.user))
    page = "operator/firmware/list.html"
    return show_list(
        request, VERSIONS, asked, find_versions(asked), page=page, items=rows
    )


@operator_only
def firmware_new(request: StaffRequest) -> HttpResponse:
    form = VersionForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            version = upload_version(
                actor=request.user,
                data=form.data_of_version(),
                file=form.cleaned_data["file"],
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            text = _("%(version)s is there for every installer.")
            messages.success(request, text % {"version": version})
            there = reverse("operator:firmware_version", args=(version.pk,))
            if request.htmx:
                return HttpResponseClientRedirect(there)
            return redirect(there)
    return render(request, "operator/firmware/new.html", {"form": form})


@operator_only
def firmware_version(request: StaffRequest, version_id: int) -> HttpResponse:
    version = get_version(version_id)
    counts = running_counts(devices_below_to_sort(request.user), [version])
    context = {
        "version": version,
        "model": model_name(version),
        "count": counts[version.pk],
    }
    return render(request, "operator/firmware/version.html", context)


@operator_only
def firmware_log(request: StaffRequest, version_id: int) -> HttpResponse:
    version = get_version(version_id)
    form = LogForm(request.POST or None, initial={"log": version.log})
    if request.method == "POST" and form.is_valid():
        log = form.cleaned_data["log"]
        edit_log(actor=request.user, version=version, log=log, now=utcnow())
        messages.success(request, _("The version log is saved."))
        return redirect("operator:firmware_version", version.pk)
    context = {"version": version, "form": form}
    return render(request, "operator/firmware/log.html", context)


@operator_only
def firmware_mark(request: StaffRequest, version_id: int) -> HttpResponse:
    version = get_version(version_id)
    form = BadForm(request.POST or None, initial={"reason": version.known_bad})
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        count = mark_bad(
            actor=request.user, version=version, reason=reason, now=utcnow()
        )
        marked = _("%(version)s is marked as known to be bad.")
        text = marked % {"version": version}
        if count:
            paused = ngettext(
                "%(n)d upgrade to it is paused.",
                "%(n)d upgrades to it are paused.",
                count,
            )
            text = f"{text} {paused % {'n': count}}"
        messages.success(request, text)
        return redirect("operator:firmware_version", version.pk)
    context = {"version": version, "form": form}
    return render(request, "operator/firmware/mark.html", context)


@require_POST
@operator_only
def firmware_unmark(request: StaffRequest, version_id: int) -> HttpResponse:
    version = get_version(version_id)
    unmark_bad(actor=request.user, version=version, now=utcnow())
    text = _("%(version)s is offered again. Upgrades that were paused stay paused.")
    messages.success(request, text % {"version": version})
    return redirect("operator:firmware_version", version.pk)


@operator_only
def firmware_delete(request: StaffRequest, version_id: int) -> HttpResponse:
    version = get_version(version_id)
    if request.method == "POST":
        name = str(version)
        try:
            delete_version(actor=request.user, version=version, now=utcnow())
        except DomainError as error:
            messages.error(request, str(error))
            return redirect("operator:firmware_version", version_id)
        messages.success(request, _("%(name)s is deleted.") % {"name": name})
        return redirect("operator:firmware")
    return render(request, "operator/firmware/delete.html", {"version": version})
