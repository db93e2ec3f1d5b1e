"""Messages to residents and indoor monitors (MSG-1)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_htmx.http import HttpResponseClientRefresh

from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError
from portico.messaging.enums import MessageState, ReceiptState, Receivers
from portico.messaging.errors import FormUsed
from portico.messaging.selectors import (
    ReceiptCounts,
    get_visible_message,
    receipt_counts,
    receipts_of,
    search_messages,
    site_counts,
    visible_messages,
)
from portico.messaging.services.writing import (
    change_message,
    delete_message,
    write_message,
)
from portico.portals.installer.forms.message import MessageDraft
from portico.portals.installer.frame import at_home_only, installer_only
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import Column, Filter, ListSpec, show_list
from portico.portals.shared.tables import moment, time_column

if TYPE_CHECKING:
    from portico.messaging.models import Message, Receipt


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message with what a list shows of it."""

    message: Message
    counts: ReceiptCounts
    sites: int

    @property
    def receivers(self) -> str:
        """Who receives it, in words."""
        message = self.message
        if message.receivers == Receivers.SITES:
            text = ngettext("%(n)d site", "%(n)d sites", self.sites)
            return text % {"n": self.sites}
        if message.receivers == Receivers.ONE:
            resident = message.resident
            return str(resident.user) if resident else _("Somebody who is gone")
        return str(message.get_receivers_display())

    @property
    def ways(self) -> str:
        """Where it is shown, in words."""
        if not self.message.to_monitors:
            return _("App")
        both = self.message.to_apps
        return _("App and indoor monitors") if both else _("Indoor monitors")


def message_rows(found: Sequence[Message]) -> Sequence[MessageRow]:
    """Two queries for the receivers of all."""
    ids = [message.pk for message in found]
    counts, sites = receipt_counts(ids), site_counts(ids)
    return [
        MessageRow(one, counts.get(one.pk, ReceiptCounts()), sites.get(one.pk, 0))
        for one in found
    ]


MESSAGES: ListSpec[MessageRow] = ListSpec(
    name="messages",
    columns=(
        Column(
            key="title",
            label=gettext_lazy("Title"),
            text=lambda row: row.message.title,
            order=("title",),
            is_fixed=True,
        ),
        Column(
            key="receivers",
            label=gettext_lazy("Receivers"),
            text=lambda row: f"{row.receivers}, {row.ways}",
        ),
        Column(
            key="state",
            label=gettext_lazy("State"),
            text=lambda row: row.message.get_state_display(),
            order=("state",),
        ),
        Column(
            key="sent", label=gettext_lazy("Sent"), text=lambda row: row.counts.sent
        ),
        Column(
            key="delivered",
            label=gettext_lazy("Delivered"),
            text=lambda row: row.counts.delivered,
        ),
        Column(
            key="read", label=gettext_lazy("Read"), text=lambda row: row.counts.read
        ),
        Column(
            key="time",
            label=gettext_lazy("Time"),
            text=lambda row: moment(row.message.send_at),
            order=("send_at",),
        ),
        Column(
            key="author",
            label=gettext_lazy("Author"),
            text=lambda row: row.message.author_name,
            order=("author_name",),
        ),
    ),
    order="-time",
    filters=(
        Filter(
            key="state",
            label=gettext_lazy("State"),
            choices={
                value: label.capitalize() for value, label in MessageState.choices
            },
        ),
        Filter(
            key="receivers",
            label=gettext_lazy("All receivers"),
            choices=dict(Receivers.choices),
            is_open=True,
        ),
    ),
    hidden=frozenset({"author"}),
)


def way_text(receipt: Receipt) -> str:
    """Where this receiver is shown the message."""
    return _("App") if receipt.is_app else receipt.device_name


RECEIPTS: ListSpec[Receipt] = ListSpec(
    name="receivers",
    columns=(
        Column(
            key="name",
            label=gettext_lazy("Receiver"),
            text=lambda one: one.name,
            order=("name",),
            is_fixed=True,
        ),
        Column(
            key="house",
            label=gettext_lazy("Site"),
            text=lambda one: one.house,
            order=("house", "name"),
        ),
        Column(key="way", label=gettext_lazy("Shown on"), text=way_text),
        Column(
            key="state",
            label=gettext_lazy("State"),
            text=lambda one: one.state.label,
        ),
        time_column("sent", gettext_lazy("Sent"), "sent_at"),
        time_column("delivered", gettext_lazy("Delivered"), "delivered_at"),
        time_column("read", gettext_lazy("Read"), "read_at"),
    ),
    order="house",
    filters=(
        Filter(
            key="state",
            label=gettext_lazy("State"),
            choices={
                value: label.capitalize() for value, label in ReceiptState.choices
            },
        ),
    ),
)


@installer_only
def message_list(request: StaffRequest) -> HttpResponse:
    asked = MESSAGES.ask(request)
    found = search_messages(
        visible_messages(request.user),
        text=asked.text,
        state=asked["state"],
        receivers=asked["receivers"],
    )
    page = "installer/messages/list.html"
    return show_list(request, MESSAGES, asked, found, items=message_rows, page=page)


@installer_only
def message(request: StaffRequest, message_id: uuid.UUID) -> HttpResponse:
    found = get_visible_message(request.user, message_id)
    context = {"message": found, "row": message_rows([found])[0]}
    if request.htmx:
        if request.GET.get("shown") != found.state:  # the page is another one now
            return HttpResponseClientRefresh()
        if found.is_scheduled:
            return HttpResponse(status=204)
        return render(request, "installer/messages/_progress.html", context)
    asked = RECEIPTS.ask(request)
    rows = receipts_of(found, text=asked.text, state=asked["state"])
    page = "installer/messages/message.html"
    return show_list(request, RECEIPTS, asked, rows, page=page, context=context)


@at_home_only
def message_new(request: StaffRequest) -> HttpResponse:
    draft = MessageDraft(
        request.POST or None,
        actor=request.user,
        template=request.GET.get("template", ""),
    )
    if not draft.act and draft.is_valid():
        try:
            made = write_message(
                actor=request.user,
                data=draft.form.message_data(),
                token=draft.form.cleaned_data["token"],
                now=utcnow(),
            )
        except DomainError as error:
            draft.blame(error)
            if isinstance(error, FormUsed):
                draft.renew_token()
        else:
            messages.success(request, _what_happens(made))
            return redirect("installer:message_details", made.pk)
    return _form(request, draft, None)


@at_home_only
def message_edit(request: StaffRequest, message_id: uuid.UUID) -> HttpResponse:
    found = get_visible_message(request.user, message_id)
    if not found.is_scheduled:
        messages.info(request, _("This message is sent. It can only be deleted."))
        return redirect("installer:message_details", found.pk)
    draft = MessageDraft(request.POST or None, actor=request.user, message=found)
    if not draft.act and draft.is_valid():
        try:
            change_message(
                actor=request.user,
                message=found,
                data=draft.form.message_data(),
                version=draft.form.cleaned_data["version"],
                now=utcnow(),
            )
        except DomainError as error:
            draft.blame(error)
        else:
            found.refresh_from_db()
            messages.success(request, _what_happens(found))
            return redirect("installer:message_details", found.pk)
    return _form(request, draft, found)


def _form(
    request: StaffRequest, draft: MessageDraft, found: Message | None
) -> HttpResponse:
    context = {"draft": draft, "form": draft.form, "message": found}
    return render(request, "installer/messages/form.html", context)


def _what_happens(found: Message) -> str:
    if found.send_at > utcnow():
        return _("The message is scheduled.")
    return _("The message is being sent.")


@at_home_only
def message_delete(request: StaffRequest, message_id: uuid.UUID) -> HttpResponse:
    found = get_visible_message(request.user, message_id)
    if request.method == "POST":
        delete_message(actor=request.user, message=found, now=utcnow())
        messages.success(request, _("%(name)s is deleted.") % {"name": found.title})
        return redirect("installer:message")
    context = {"message": found, "row": message_rows([found])[0]}
    return render(request, "installer/messages/delete.html", context)
