"""What the installer has told the resident: the inbox behind ``unread_msg``.

The vendor's path is not published; these are ours, in the style of the logs beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now

from portico.appapi.http import clean_text, web_success, web_view
from portico.appapi.views.logs import account_time, asked_page
from portico.messaging.selectors import get_receipt, inbox_of
from portico.messaging.services.reading import mark_delivered, mark_read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portico.accounts.models import User
    from portico.messaging.models import Receipt
    from portico.sites.models import Resident

_MOST_ID = 18
_ALL = "all"


def _line(receipt: Receipt, user: User) -> dict[str, Any]:
    return {
        "ID": str(receipt.pk),
        "Title": receipt.title,
        "Content": receipt.text,
        "CreateTime": account_time(receipt.created_at, user),
        "IsRead": "0" if receipt.read_at is None else "1",
    }


@web_view("GET")
def message_list(
    request: HttpRequest, homes: Sequence[Resident], kind: str
) -> HttpResponse:
    """A page of the inbox, newest first; what is on it counts as delivered."""
    del kind
    receipts = list(inbox_of(homes)[asked_page(request)])
    fresh = [receipt.pk for receipt in receipts if receipt.delivered_at is None]
    if fresh:
        mark_delivered(homes=homes, receipt_ids=fresh, now=now())
    return web_success([_line(receipt, homes[0].user) for receipt in receipts])


@web_view("POST")
def read_message(
    request: HttpRequest, homes: Sequence[Resident], kind: str
) -> HttpResponse:
    """Mark the message of ``ID`` as read, or ``all``."""
    del kind
    wanted = clean_text(request.POST.get("ID"), _MOST_ID)
    receipt = None if wanted == _ALL else get_receipt(homes, wanted)
    mark_read(homes=homes, receipt=receipt, now=now())
    return web_success([])
