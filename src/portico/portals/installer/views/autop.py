"""AutoP commands: to many devices, to one, and what became of them (PRV-2 to 4)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from portico.devices.selectors import get_visible_device
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError
from portico.portals.installer.forms.autop import BatchDraft, CommandsForm
from portico.portals.installer.frame import at_home_only, installer_only
from portico.portals.installer.views.device_page import (
    device_context,
    provisioning_context,
)
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import Column, Filter, ListSpec, show_list
from portico.portals.shared.tables import DEVICE_STATUS, moment, time_column
from portico.protocols.autop.grammar import parse
from portico.provisioning.enums import OPEN, AutopKind, AutopState
from portico.provisioning.rules import mask_passwords
from portico.provisioning.selectors import (
    get_visible_order,
    item_counts,
    items_of,
    search_items,
    visible_orders,
)
from portico.provisioning.services.autop import (
    order_commands,
    reset_by_hand,
    withdraw,
)

if TYPE_CHECKING:
    from portico.provisioning.models import AutopItem, AutopOrder


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order with what a list shows of it."""

    order: AutopOrder
    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def fetched(self) -> int:
        return self.counts.get(AutopState.FETCHED, 0)

    @property
    def open(self) -> int:
        """At how many devices nobody has fetched it yet."""
        return sum(self.counts.get(state, 0) for state in OPEN)

    @property
    def over(self) -> int:
        """At how many it is superseded, lost or withdrawn."""
        return self.total - self.fetched - self.open

    @property
    def first_line(self) -> str:
        """What says which order it is, with passwords hidden."""
        lines = parse(self.order.text).lines
        if not lines:
            return _("Regular commands end")
        shown = mask_passwords(f"{lines[0].key} = {lines[0].value}")
        more = len(lines) - 1
        return f"{shown} +{more}" if more else shown


def _rows(actor: Any) -> Any:
    def rows(orders: Sequence[AutopOrder]) -> Sequence[OrderRow]:
        counts = item_counts(actor, [order.pk for order in orders])
        return [OrderRow(order, counts.get(order.pk, {})) for order in orders]

    return rows


ORDERS: ListSpec[OrderRow] = ListSpec(
    name="autop",
    columns=(
        Column(
            key="commands",
            label=gettext_lazy("Commands"),
            text=lambda row: row.first_line,
            is_fixed=True,
        ),
        Column(
            key="kind",
            label=gettext_lazy("Type"),
            text=lambda row: row.order.get_kind_display(),
            order=("kind",),
        ),
        Column(key="total", label=gettext_lazy("Devices"), text=lambda row: row.total),
        Column(
            key="fetched", label=gettext_lazy("Fetched"), text=lambda row: row.fetched
        ),
        Column(key="open", label=gettext_lazy("Waiting"), text=lambda row: row.open),
        Column(key="over", label=gettext_lazy("Not valid"), text=lambda row: row.over),
        Column(
            key="time",
            label=gettext_lazy("Time"),
            text=lambda row: moment(row.order.created_at),
            order=("created_at",),
        ),
        Column(
            key="author",
            label=gettext_lazy("Author"),
            text=lambda row: row.order.ordered_by_name,
            order=("ordered_by_name",),
        ),
    ),
    order="-time",
    filters=(
        Filter(key="kind", label=gettext_lazy("Type"), choices=dict(AutopKind.choices)),
    ),
)

ITEMS: ListSpec[AutopItem] = ListSpec(
    name="autop_devices",
    columns=(
        Column(
            key="name",
            label=gettext_lazy("Device"),
            text=lambda item: item.device.name,
            order=("device__name",),
            is_fixed=True,
        ),
        Column(
            key="site",
            label=gettext_lazy("Site"),
            text=lambda item: item.device.site.room_name,
            order=("device__site__room_name",),
        ),
        Column(
            key="mac",
            label=gettext_lazy("MAC"),
            text=lambda item: item.device.pretty_mac,
        ),
        Column(
            key="status",
            label=DEVICE_STATUS.label,
            text=lambda item: DEVICE_STATUS.text(item.device),
        ),
        Column(
            key="state",
            label=gettext_lazy("State"),
            text=lambda item: item.get_state_display(),
            order=("state",),
        ),
        time_column("due", gettext_lazy("In the file from"), "due_at"),
        time_column("fetched", gettext_lazy("Fetched"), "fetched_at"),
    ),
    order="name",
    filters=(
        Filter(
            key="state",
            label=gettext_lazy("State"),
            choices={value: label.capitalize() for value, label in AutopState.choices},
            is_open=True,
        ),
    ),
)


@installer_only
def autop_list(request: StaffRequest) -> HttpResponse:
    asked = ORDERS.ask(request)
    orders = visible_orders(request.user)
    if asked["kind"]:
        orders = orders.filter(kind=asked["kind"])
    if asked.text:
        orders = orders.filter(ordered_by_name__icontains=asked.text)
    page = "installer/autop/list.html"
    items = _rows(request.user)
    return show_list(request, ORDERS, asked, orders, items=items, page=page)


@installer_only
def autop_new(request: StaffRequest) -> HttpResponse:
    draft = BatchDraft(
        request.POST or None,
        actor=request.user,
        site=request.GET.get("site", ""),
        text=request.GET.get("q", ""),
        saved=request.GET.get("filter", ""),
    )
    if not draft.act and draft.is_valid():
        data = draft.form.autop_data()
        try:
            order = order_commands(
                actor=request.user,
                devices=draft.devices(),
                data=data,
                waves=draft.waves(),
                now=utcnow(),
            )
        except DomainError as error:
            draft.form.blame(error)
        else:
            _tell(request, data.text)
            return redirect("installer:autop_order", order.pk)
    context = {"draft": draft, "form": draft.form}
    return render(request, "installer/autop/form.html", context)


@installer_only
def autop_order(request: StaffRequest, order_id: uuid.UUID) -> HttpResponse:
    order = get_visible_order(request.user, order_id)
    row = _rows(request.user)([order])[0]
    asked = ITEMS.ask(request)
    items = search_items(
        items_of(request.user, order), text=asked.text, state=asked["state"]
    )
    context = {
        "order": order,
        "row": row,
        "text": mask_passwords(order.text),
        "twice": sorted(parse(order.text).duplicates),
    }
    page = "installer/autop/order.html"
    return show_list(request, ITEMS, asked, items, page=page, context=context)


@require_POST
@installer_only
def autop_withdraw(request: StaffRequest, order_id: uuid.UUID) -> HttpResponse:
    order = get_visible_order(request.user, order_id)
    count = withdraw(actor=request.user, order=order, now=utcnow())
    if count:
        text = ngettext(
            "Taken back at %(count)d device.", "Taken back at %(count)d devices.", count
        )
        messages.success(request, text % {"count": count})
    else:
        messages.info(request, _("Nothing was waiting any more."))
    return redirect("installer:autop_order", order.pk)


@require_POST
@installer_only
def device_autop(request: StaffRequest, mac: str) -> HttpResponse:
    """Commands for one device, from its page."""
    device = get_visible_device(request.user, mac)
    form = CommandsForm(request.POST)
    if form.is_valid():
        data = form.autop_data()
        try:
            order_commands(
                actor=request.user, devices=[device.pk], data=data, now=utcnow()
            )
        except DomainError as error:
            form.blame(error)
        else:
            _tell(request, data.text)
            return redirect("installer:device_file", device.mac)
    context = device_context(request, mac, "provisioning")
    context |= provisioning_context(request, context)
    context["autop_form"] = form
    return render(request, "installer/device/provisioning.html", context)


@require_POST
@at_home_only
def device_was_reset(request: StaffRequest, mac: str) -> HttpResponse:
    """Somebody says that he has reset the unit itself."""
    device = get_visible_device(request.user, mac)
    reset_by_hand(actor=request.user, device=device, now=utcnow())
    messages.success(
        request,
        _("Noted. One-Time commands are dropped; everything else is sent to it again."),
    )
    return redirect("installer:device_file", device.mac)


def _tell(request: StaffRequest, text: str) -> None:
    twice = sorted(parse(text).duplicates)
    messages.success(
        request, _("Saved. The devices get it with their next configuration.")
    )
    if twice:
        told = _("Given twice, the last line counts: %(keys)s.")
        messages.info(request, told % {"keys": ", ".join(twice)})
