"""Door and call log: endpoints 12, 13, 16 and 17.

Only what happened at the door is listed, no refused attempts: clients take every new line
of the door log for an opening or a ring. Refusals are in the portal's log.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse

from portico.accounts.enums import DateFormat
from portico.appapi.http import small_number, web_success, web_view
from portico.events.enums import Method
from portico.events.selectors import calls_of_resident, openings_of_resident

if TYPE_CHECKING:
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


def _page(request: HttpRequest) -> slice:
    rows = _number(request, "row", _ROWS, _MOST_ROWS)
    start = (_number(request, "page", 1, _MOST_PAGES) - 1) * rows
    return slice(start, start + rows)


def _initiator(entry: LogEntry) -> str:
    return entry.initiator or "Visitor"


def _line(entry: LogEntry, user: User) -> dict[str, Any]:
    number = entry.relay_number
    return {
        "ID": str(entry.pk),
        "CaptureTime": account_time(entry.occurred_at, user),
        "Initiator": _initiator(entry),
        "CaptureType": _TYPES[Method(entry.method)],
        "Location": entry.device_name,
        "MAC": entry.device_mac,
        "Relay": "" if number is None else str(number - 1),
        "RelayName": entry.relay_name or (f"Relay{number}" if number else ""),
        "PicUrl": "",
    }


@web_view("GET")
def door_log(request: HttpRequest, resident: Resident, kind: str) -> HttpResponse:
    del kind  # clients try both kinds; the answer is the same
    entries = openings_of_resident(resident)[_page(request)]
    return web_success([_line(entry, resident.user) for entry in entries])


@web_view("GET")
def call_log(request: HttpRequest, resident: Resident, kind: str) -> HttpResponse:
    del kind
    entries = calls_of_resident(resident)[_page(request)]
    return web_success([_line(entry, resident.user) for entry in entries])


@web_view("GET")
def member_door_log(
    request: HttpRequest, resident: Resident, kind: str
) -> HttpResponse:
    del kind
    found = [
        {
            "id": str(entry.pk),
            "captureTime": account_time(entry.occurred_at, resident.user),
            "deviceName": entry.device_name,
            "initiator": _initiator(entry),
            "captureType": _TYPES[Method(entry.method)],
            "relayName": entry.relay_name,
            "deviceMac": entry.device_mac,
            "picUrl": "",
            "buildingName": "",
            "roomNum": "",
        }
        for entry in openings_of_resident(resident)[_page(request)]
    ]
    return web_success({"list": found})


@web_view("GET")
def member_call_log(
    request: HttpRequest, resident: Resident, kind: str
) -> HttpResponse:
    del kind
    found = [
        {
            "id": str(entry.pk),
            # A number: the client shows a text as it is, and this one as a date.
            "startTime": int(entry.occurred_at.timestamp()),
            "callerName": entry.device_name,
            "calleeName": resident.site.room_name,
            "isCallee": 1,
            "isAnswer": 0,
            "isRead": 1,
            "isGroupCall": 1,
            "picUrl": "",
        }
        for entry in calls_of_resident(resident)[_page(request)]
    ]
    return web_success({"list": found})
