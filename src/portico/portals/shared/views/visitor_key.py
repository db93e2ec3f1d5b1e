"""The page of a visitor: a QR code that is another one every half minute (LOG-2)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from portico.access.enums import KeyState
from portico.access.links import key_of_visitor
from portico.access.rules import key_state
from portico.access.selectors import premium_runs
from portico.access.services.temp_keys import shown_code
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.portals.shared.codes import not_kept, qr_picture
from portico.portals.shared.http import is_htmx
from portico.protocols.rolling import PERIOD

if TYPE_CHECKING:
    from portico.access.models import TempKey


@require_GET
def visitor_key(request: HttpRequest, word: str) -> HttpResponse:
    key, now = _key(word), utcnow()
    state = key_state(key, now)
    runs = premium_runs(key.site, now)
    # Another one for each code, and for whatever else changes on the page.
    shown = f"{state}-{int(runs)}-{int(now.timestamp()) // PERIOD}"
    if request.GET.get("shown") == shown:
        return not_kept(HttpResponse(status=204))
    context = {
        "key": key,
        "word": word,
        "state": state,
        "is_open": state == KeyState.LIVE and runs,
        "may_open": state in {KeyState.LIVE, KeyState.COMING},
        "shown": shown,
        "period": PERIOD,
    }
    page = "shared/visitor_key/page.html"
    part = "shared/visitor_key/_key.html"
    with timezone.override(ZoneInfo(key.site.time_zone)):
        return not_kept(render(request, part if is_htmx(request) else page, context))


@require_GET
def visitor_key_qr(request: HttpRequest, word: str) -> HttpResponse:
    """The code of this moment, as long as it opens."""
    del request
    key, now = _key(word), utcnow()
    if key_state(key, now) != KeyState.LIVE or not premium_runs(key.site, now):
        raise Http404
    return qr_picture(shown_code(key, now))


def _key(word: str) -> TempKey:
    try:
        return key_of_visitor(word)
    except NotVisible:
        raise Http404 from None
