"""The Notification Center, the same in every portal (NAV-3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from portico.kernel.errors import NotVisible
from portico.notices.enums import NoticeKind
from portico.notices.selectors import (
    notices_of,
    search_notices,
    unread,
    with_state,
)
from portico.notices.services.reading import mark_all_read, mark_read
from portico.notices.words import words_of
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import Column, Filter, ListSpec, show_list
from portico.tenancy.selectors import reader_of

if TYPE_CHECKING:
    from portico.notices.selectors import ReadNotice

# Where more about a notice stands: a page of the reader's portal, and what it needs.
_PAGES: Mapping[NoticeKind, tuple[str, tuple[str, ...]]] = {
    NoticeKind.PORTAL_ENTERED: ("audit", ()),
    NoticeKind.WEB_PASSWORD: ("audit", ()),
    NoticeKind.TICKET: ("ticket", ("ticket",)),
    NoticeKind.UPGRADE_FINISHED: ("campaign", ("campaign",)),
    NoticeKind.UPGRADE_STOPPED: ("campaign", ("campaign",)),
}
# Pages that one kind of portal alone has.
_ONLY = {
    NoticeKind.UPGRADE_FINISHED: "installer",
    NoticeKind.UPGRADE_STOPPED: "installer",
}
_ICONS = {
    NoticeKind.PLATFORM_UPDATE: "speakerphone",
    NoticeKind.PORTAL_ENTERED: "login-2",
    NoticeKind.WEB_PASSWORD: "key",
    NoticeKind.TICKET: "lifebuoy",
    NoticeKind.MODULE_CHANGED: "keyboard",
    NoticeKind.CHARGE_FAILED: "credit-card-off",
    NoticeKind.SERVICE_EXPIRES: "calendar-due",
    NoticeKind.UPGRADE_FINISHED: "cloud-check",
    NoticeKind.UPGRADE_STOPPED: "hand-stop",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One notice in words, as one portal shows it."""

    notice: ReadNotice
    title: str
    text: str
    url: str

    @property
    def icon(self) -> str:
        return _ICONS[NoticeKind(self.notice.kind)]


NOTICES: ListSpec[Line] = ListSpec(
    name="notifications",
    columns=(
        Column(
            key="what",
            label=_("Notification"),
            text=lambda one: f"{one.title}: {one.text}",
            is_fixed=True,
        ),
        Column(
            key="kind",
            label=_("Kind"),
            text=lambda one: one.notice.get_kind_display(),
        ),
        Column(
            key="at",
            label=_("When"),
            text=lambda one: timezone.localtime(one.notice.created_at).isoformat(),
        ),
    ),
    filters=(
        Filter(key="state", label=_("State"), choices={"unread": _("Unread")}),
        Filter(key="kind", label=_("All kinds"), choices=dict(NoticeKind.choices)),
    ),
)


def notifications(request: StaffRequest) -> HttpResponse:
    asked = NOTICES.ask(request)
    reader = reader_of(request.membership)
    found = search_notices(notices_of(reader), asked.text)
    if asked["state"]:
        found = unread(found, reader.user_id)
    if asked["kind"]:
        found = found.filter(kind=asked["kind"])

    def lines(notices: Sequence[ReadNotice]) -> Sequence[Line]:
        return [_line(notice, request.portal.namespace) for notice in notices]

    return show_list(
        request,
        NOTICES,
        asked,
        with_state(found, reader.user_id),
        items=lines,
        page="shared/notifications.html",
    )


def _line(notice: ReadNotice, space: str) -> Line:
    title, text = words_of(notice.kind, notice.params)
    kind = NoticeKind(notice.kind)
    has_page = _ONLY.get(kind, space) == space
    route, names = _PAGES.get(kind, ("", ())) if has_page else ("", ())
    args = [notice.params[name] for name in names]
    url = reverse(f"{space}:{route}", args=args) if route else ""
    return Line(notice, title, text, url)


def bell(request: StaffRequest) -> HttpResponse:
    return render(request, "shared/_bell.html")


@require_POST
def notice_read(request: StaffRequest, notice_id: int) -> HttpResponse:
    """Note that it was read, and go where more about it stands."""
    reader = reader_of(request.membership)
    notice = with_state(notices_of(reader), reader.user_id).filter(pk=notice_id).first()
    if notice is None or not mark_read(reader=reader, notice_id=notice_id):
        raise NotVisible
    more = _line(notice, request.portal.namespace).url
    wants_more = request.POST.get("more") == "yes"
    here = request.portal.url("notifications")
    return redirect(more if more and wants_more else here)


@require_POST
def notices_read(request: StaffRequest) -> HttpResponse:
    """Everything up to the newest that the page showed is read."""
    newest = request.POST.get("newest", "")
    if newest.isascii() and newest.isdecimal():
        mark_all_read(reader=reader_of(request.membership), up_to=int(newest[:18]))
    return redirect(request.portal.url("notifications"))
