"""Searches of the list of devices that are kept under a name (PRV-3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portico.devices.selectors import get_visible_filter, visible_filters
from portico.devices.services.saved_filters import (
    delete_filter,
    rename_filter,
    save_filter,
)
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError
from portico.portals.installer.device_search import (
    is_stale,
    list_query,
    read_address,
    read_saved,
    search_words,
)
from portico.portals.installer.frame import at_home_only, installer_only
from portico.portals.shared.forms import StyledForm, blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import Asked, Column, ListSpec, show_list
from portico.portals.shared.tables import time_column

if TYPE_CHECKING:
    from portico.accounts.models import User
    from portico.devices.models import SavedFilter


@dataclass(frozen=True, slots=True)
class FilterRow:
    """A saved filter as a list shows it."""

    saved: SavedFilter
    asked: Asked

    @property
    def words(self) -> str:
        return words_of(self.asked)

    @property
    def is_stale(self) -> bool:
        return is_stale(self.asked, self.saved)

    @property
    def query(self) -> str:
        return list_query(self.asked)

    @property
    def changed_at(self) -> object:
        return self.saved.changed_at


def words_of(asked: Asked) -> str:
    """What is asked for, in a line."""
    return " · ".join(map(str, search_words(asked))) or _("All devices")


def filter_rows(actor: User, filters: Sequence[SavedFilter]) -> Sequence[FilterRow]:
    """Each filter with what it asks."""
    asked = read_saved(actor, filters)
    return [FilterRow(*one) for one in zip(filters, asked, strict=True)]


FILTERS: ListSpec[FilterRow] = ListSpec(
    name="device-filters",
    columns=(
        Column(
            key="name",
            label=gettext_lazy("Name"),
            text=lambda row: row.saved.name,
            order=("name",),
            is_fixed=True,
        ),
        Column(key="search", label=gettext_lazy("Search"), text=lambda row: row.words),
        time_column("changed", gettext_lazy("Changed"), "changed_at"),
    ),
    order="name",
)


class FilterForm(StyledForm):
    """The name that a search is kept under."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=63,
        widget=forms.TextInput(attrs={"dir": "auto", "autocomplete": "off"}),
    )


@installer_only
def filter_list(request: StaffRequest) -> HttpResponse:
    asked, actor = FILTERS.ask(request), request.user
    found = visible_filters(actor)
    if asked.text:
        found = found.filter(name__icontains=asked.text)
    page = "installer/filters/list.html"

    def rows(filters: Sequence[SavedFilter]) -> Sequence[FilterRow]:
        return filter_rows(actor, filters)

    return show_list(request, FILTERS, asked, found, items=rows, page=page)


@at_home_only
def filter_new(request: StaffRequest) -> HttpResponse:
    """Keep the search that the address repeats."""
    asked = read_address(request.user, request.GET.dict())
    form = FilterForm(request.POST or None)
    if form.is_valid():
        name, query = form.cleaned_data["name"], asked.narrowing
        try:
            save_filter(actor=request.user, name=name, query=query, now=utcnow())
        except DomainError as error:
            blame(form, error)
        else:
            messages.success(
                request, _("The search is saved as %(name)s.") % {"name": name}
            )
            return redirect("installer:device_filters")
    return _form(request, form, asked, None)


@at_home_only
def filter_edit(request: StaffRequest, filter_id: int) -> HttpResponse:
    saved = get_visible_filter(request.user, filter_id)
    (asked,) = read_saved(request.user, [saved])
    form = FilterForm(request.POST or None, initial={"name": saved.name})
    if form.is_valid():
        name = form.cleaned_data["name"]
        try:
            rename_filter(actor=request.user, saved=saved, name=name, now=utcnow())
        except DomainError as error:
            blame(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("installer:device_filters")
    return _form(request, form, asked, saved)


def _form(
    request: StaffRequest, form: FilterForm, asked: Asked, saved: SavedFilter | None
) -> HttpResponse:
    query = list_query(asked)
    back = reverse("installer:device_filters" if saved else "installer:devices")
    context = {
        "form": form,
        "saved": saved,
        "words": words_of(asked),
        "back": back if saved or not query else f"{back}?{query}",
    }
    return render(request, "installer/filters/form.html", context)


@at_home_only
def filter_delete(request: StaffRequest, filter_id: int) -> HttpResponse:
    saved = get_visible_filter(request.user, filter_id)
    if request.method == "POST":
        delete_filter(actor=request.user, saved=saved, now=utcnow())
        messages.success(request, _("%(name)s is deleted.") % {"name": saved.name})
        return redirect("installer:device_filters")
    return render(request, "installer/filters/delete.html", {"saved": saved})
