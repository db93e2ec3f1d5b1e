"""Tickets with the company that one buys from, or sells to; manuals (SET-9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.notices.services.reading import mark_read_under
from portico.portals.shared.choices import MAIL_LANGUAGES
from portico.portals.shared.forms import blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import Column, Filter, ListSpec, show_list
from portico.portals.shared.support_forms import ManualForm, MessageForm, TicketForm
from portico.support.enums import Side, TicketState
from portico.support.rules import FileData, notice_key
from portico.support.selectors import (
    filter_tickets,
    get_manual,
    get_visible_attachment,
    get_visible_ticket,
    manuals,
    messages_of,
    side_of,
    unanswered_tickets,
    visible_tickets,
)
from portico.support.services.manuals import remove_manual, upload_manual
from portico.support.services.tickets import answer_ticket, close_ticket, open_ticket
from portico.tenancy.selectors import reader_of

if TYPE_CHECKING:
    from portico.support.models import Manual, Ticket

TICKETS: ListSpec[Ticket] = ListSpec(
    name="tickets",
    columns=(
        Column(
            key="subject",
            label=gettext_lazy("Subject"),
            text=lambda one: one.subject,
            order=("subject",),
            is_fixed=True,
        ),
        Column(
            key="customer",
            label=gettext_lazy("From"),
            text=lambda one: one.customer.name,
            order=("customer__name",),
        ),
        Column(
            key="supplier",
            label=gettext_lazy("To"),
            text=lambda one: one.supplier.name,
            order=("supplier__name",),
        ),
        Column(
            key="state",
            label=gettext_lazy("State"),
            text=lambda one: one.get_state_display(),
        ),
        Column(
            key="changed",
            label=gettext_lazy("Last message"),
            text=lambda one: timezone.localtime(one.changed_at).isoformat(),
            order=("changed_at",),
        ),
    ),
    order="-changed",
    filters=(
        Filter(
            key="state",
            label=gettext_lazy("State"),
            choices=dict(TicketState.choices),
        ),
    ),
)
_SIDES = Filter(
    key="side",
    label=gettext_lazy("Direction"),
    choices={
        Side.SUPPLIER.value: gettext_lazy("From customers"),
        Side.CUSTOMER.value: gettext_lazy("Own tickets"),
    },
)
_TURN = Filter(
    key="turn",
    label=gettext_lazy("Turn"),
    choices={"ours": gettext_lazy("Waits for your answer")},
)
MANUALS: ListSpec[Manual] = ListSpec(
    name="manuals",
    columns=(
        Column(
            key="title",
            label=gettext_lazy("Title"),
            text=lambda one: one.title,
            order=("title",),
            is_fixed=True,
        ),
        Column(
            key="model",
            label=gettext_lazy("Model"),
            text=lambda one: one.model,
            order=("model",),
        ),
        Column(
            key="language",
            label=gettext_lazy("Language"),
            text=lambda one: dict(MAIL_LANGUAGES).get(one.language, one.language),
            order=("language",),
        ),
        Column(key="size", label=gettext_lazy("Size"), text=lambda one: one.size),
    ),
    order="title",
    filters=(
        Filter(
            key="language",
            label=gettext_lazy("All languages"),
            choices=dict(MAIL_LANGUAGES),
        ),
    ),
)


def ticket_list(request: StaffRequest) -> HttpResponse:
    company = request.membership.organization
    # An installer has nobody below, the operator nobody above.
    has_both = request.portal.namespace == "distributor"
    has_customers = request.portal.namespace != "installer"
    asked = TICKETS.ask(
        request, *([_SIDES] if has_both else []), *([_TURN] if has_customers else [])
    )
    is_our_turn = bool(asked.values.get("turn"))
    found = filter_tickets(
        (unanswered_tickets if is_our_turn else visible_tickets)(request.user),
        text=asked.text,
        state=asked["state"],
        side=asked.values.get("side", ""),
        organization_id=company.pk,
    )
    context = {"can_ask": company.parent_id is not None}
    page = "shared/support/tickets.html"
    return show_list(request, TICKETS, asked, found, page=page, context=context)


def ticket_new(request: StaffRequest) -> HttpResponse:
    supplier = request.membership.organization.parent
    if supplier is None:
        raise NotVisible
    form = TicketForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            ticket = open_ticket(
                actor=request.user,
                subject=form.cleaned_data["subject"],
                text=form.cleaned_data["text"],
                files=form.read_files(),
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            text = _("Your ticket is sent to %(name)s.")
            messages.success(request, text % {"name": supplier.name})
            return redirect(f"{request.portal.namespace}:ticket", ticket.pk)
    context = {"form": form, "supplier": supplier}
    return render(request, "shared/support/new.html", context)


def ticket(request: StaffRequest, ticket_id: int) -> HttpResponse:
    found = get_visible_ticket(request.user, ticket_id)
    form = MessageForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            answer_ticket(
                actor=request.user,
                ticket=found,
                text=form.cleaned_data["text"],
                files=form.read_files(),
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            messages.success(request, _("Your message is sent."))
            return redirect(f"{request.portal.namespace}:ticket", found.pk)
    entries = messages_of(found)
    mark_read_under(
        reader=reader_of(request.membership),
        keys=[notice_key(entry.pk) for entry in entries],
    )
    context = {
        "ticket": found,
        "entries": entries,
        "own_side": side_of(found, request.membership.organization_id),
        "form": form,
    }
    return render(request, "shared/support/ticket.html", context)


@require_POST
def ticket_close(request: StaffRequest, ticket_id: int) -> HttpResponse:
    found = get_visible_ticket(request.user, ticket_id)
    close_ticket(actor=request.user, ticket=found, now=utcnow())
    messages.success(request, _("The ticket is closed."))
    return redirect(f"{request.portal.namespace}:ticket", found.pk)


def ticket_file(request: StaffRequest, attachment_id: int) -> HttpResponse:
    file = get_visible_attachment(request.user, attachment_id)
    return _download(file.file, file.name)


def _download(stored: str, name: str) -> HttpResponse:
    """A file to be saved: never shown by the browser as a page of ours."""
    answer = FileResponse(
        default_storage.open(stored),
        as_attachment=True,
        filename=name,
        content_type="application/octet-stream",
        headers={
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
    # A streaming answer is an answer; Django's types keep the two apart.
    return cast("HttpResponse", answer)


def manual_list(request: StaffRequest) -> HttpResponse:
    asked = MANUALS.ask(request)
    found = manuals(text=asked.text, language=asked["language"])
    context = {"languages": dict(MAIL_LANGUAGES)}
    page = "shared/support/manuals.html"
    return show_list(request, MANUALS, asked, found, page=page, context=context)


def manual_file(request: StaffRequest, manual_id: int) -> HttpResponse:
    del request
    manual = get_manual(manual_id)
    return _download(manual.file, f"{manual.title}.pdf")


def manual_new(request: StaffRequest) -> HttpResponse:
    form = ManualForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            upload_manual(
                actor=request.user,
                title=data["title"],
                model=data["model"],
                language=data["language"],
                file=FileData(data["file"].name, data["file"].read()),
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error, {"attachments": "file"})
        else:
            messages.success(request, _("The manual is there for everybody."))
            return redirect("operator:manuals")
    return render(request, "shared/support/manual_new.html", {"form": form})


@require_POST
def manual_remove(request: StaffRequest, manual_id: int) -> HttpResponse:
    manual = get_manual(manual_id)
    remove_manual(actor=request.user, manual=manual, now=utcnow())
    messages.success(request, _("%(name)s is removed.") % {"name": manual.title})
    return redirect("operator:manuals")
