"""Door and call log: endpoints 12, 13, 16 and 17.

Only what happened at the door is listed, no refused attempts: clients take every new line
of the door log for an opening or a ring. Refusals are in the portal's log.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.urls import reverse

from portico.accounts.enums import DateFormat
from portico.appapi.homes import home_at, place
from portico.appapi.http import endpoint, small_number, web_success, web_view
from portico.events.enums import Method
from portico.events.rules import read_capture, sign_capture
from portico.events.selectors import (
    calls_of_homes,
    capture_file,
    capture_of_resident,
    openings_of_homes,
    pictures_by_entry,
)
from portico.kernel.errors import NotVisible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from portico.accounts.models import User
    from portico.events.models import LogEntry
    from portico.sites.models import Resident

_ROWS = 20
_MOST_ROWS = 100
_MOST_PAGES = 10_000
_DATES = {
    DateFormat.YMD: "%Y-%m-%d %H:%M:%S",
    DateFormat.DMY: "%d-%m-%Y %H:%M:%S",
    DateFormat.MDY: "%m-%d-%Y %H:%M:%S",
}
# The words that clients know are the first and the third; the others follow them.
_TYPES = {
    Method.APP: "Unlock on SmartPlus",
    Method.CALL: "Call",
    Method.FACE: "Face Unlock",
    Method.PIN: "PIN Unlock",
    Method.CARD: "RF Card Unlock",
    Method.QR: "QR Code Unlock",
    Method.NFC: "NFC Unlock",
    Method.BLUETOOTH: "Bluetooth Unlock",
    Method.GUEST: "Temp Key Unlock",
    Method.PORTAL: "Remote Unlock",
    Method.BUTTON: "Exit Button",
    Method.ON_SITE: "Exit Button",
    Method.NONE: "Call",
}


def account_time(moment: datetime, user: User) -> str:
    """``moment`` in the account's zone and order of dates, as clients parse it."""
    return moment.astimezone(user.zone).strftime(_DATES[DateFormat(user.date_format)])


def _number(request: HttpRequest, name: str, default: int, most: int) -> int:
    """A count of the query, from 1 to ``most``; what is no number is the default."""
    text = request.GET.get(name, "")
    if not (text.isascii() and text.isdigit()):
        return default
    number = small_number(text, most)
    return most if number is None else max(1, number)


def asked_page(request: HttpRequest) -> slice:
    """The rows that ``row`` and ``page`` of the query ask for."""
    rows = _number(request, "row", _ROWS, _MOST_ROWS)
    start = (_number(request, "page", 1, _MOST_PAGES) - 1) * rows
    return slice(start, start + rows)


def _initiator(entry: LogEntry) -> str:
    return entry.initiator or "Visitor"


def _pictures(
    request: HttpRequest, homes: Sequence[Resident], entries: Sequence[LogEntry]
) -> dict[int, str]:
    """The addresses of what was seen, by entry: for this account, and for an hour.

    Whole, as the client that shows them asks for them as they are.
    """
    host = settings.ENVIRONMENT.app_host or request.get_host()
    found = {}
    for pk, capture in pictures_by_entry(entries).items():
        signed = sign_capture(capture.pk, homes[0].user_id)
        path = reverse("appapi_picture", args=[signed])
        found[pk] = f"{request.scheme}://{host}{path}"
    return found


@endpoint("GET")
def picture(request: HttpRequest, signed: str) -> HttpResponse:
    """What was seen at a door; the signed address is the permission."""
    del request
    known = read_capture(signed)
    capture = capture_of_resident(*known) if known else None
    try:
        content = capture_file(capture) if capture else None
    except NotVisible:
        content = None
    if capture is None or content is None:
        return HttpResponseNotFound()
    headers = {"Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type=capture.media_type, headers=headers)


def _line(entry: LogEntry, homes: Sequence[Resident], picture: str) -> dict[str, Any]:
    number = entry.relay_number
    return {
        "ID": str(entry.pk),
        "CaptureTime": account_time(entry.occurred_at, homes[0].user),
        "Initiator": _initiator(entry),
        "CaptureType": _TYPES[Method(entry.method)],
        "Location": place(homes, entry.site_id, entry.device_name),
        "MAC": entry.device_mac,
        "Relay": "" if number is None else str(number - 1),
        "RelayName": entry.relay_name or (f"Relay{number}" if number else ""),
        "PicUrl": picture,
    }


def _lines(
    request: HttpRequest, homes: Sequence[Resident], entries: QuerySet[LogEntry]
) -> HttpResponse:
    page = list(entries[asked_page(request)])
    seen = _pictures(request, homes, page)
    return web_success([_line(one, homes, seen.get(one.pk, "")) for one in page])


@web_view("GET")
def door_log(
    request: HttpRequest, homes: Sequence[Resident], kind: str
) -> HttpResponse:
    del kind  # clients try both kinds; the answer is the same
    return _lines(request, homes, openings_of_homes(homes))


@web_view("GET")
def call_log(
    request: HttpRequest, homes: Sequence[Resident], kind: str
) -> HttpResponse:
    del kind
    return _lines(request, homes, calls_of_homes(homes))


@web_view("GET")
def member_door_log(
    request: HttpRequest, homes: Sequence[Resident], kind: str
) -> HttpResponse:
    del kind
    entries = list(openings_of_homes(homes)[asked_page(request)])
    seen = _pictures(request, homes, entries)
    found = [
        {
            "id": str(entry.pk),
            "captureTime": account_time(entry.occurred_at, homes[0].user),
            "deviceName": place(homes, entry.site_id, entry.device_name),
            "initiator": _initiator(entry),
            "captureType": _TYPES[Method(entry.method)],
            "relayName": entry.relay_name,
            "deviceMac": entry.device_mac,
            "picUrl": seen.get(entry.pk, ""),
            "buildingName": "",
            "roomNum": "",
        }
        for entry in entries
    ]
    return web_success({"list": found})


@web_view("GET")
def member_call_log(
    request: HttpRequest, homes: Sequence[Resident], kind: str
) -> HttpResponse:
    del kind
    entries = list(calls_of_homes(homes)[asked_page(request)])
    seen = _pictures(request, homes, entries)
    found = [
        {
            "id": str(entry.pk),
            # A number: the client shows a text as it is, and this one as a date.
            "startTime": int(entry.occurred_at.timestamp()),
            "callerName": place(homes, entry.site_id, entry.device_name),
            "calleeName": home_at(homes, entry.site_id).site.room_name,
            "isCallee": 1,
            "isAnswer": 0,
            "isRead": 1,
            "isGroupCall": 1,
            "picUrl": seen.get(entry.pk, ""),
        }
        for entry in entries
    ]
    return web_success({"list": found})
