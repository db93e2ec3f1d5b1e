"""What every request to the web side passes through."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.translation import gettext as _
from django_htmx.http import reswap, trigger_client_event

from portico.kernel.context import Origin, origin
from portico.kernel.errors import DomainError
from portico.portals.shared.http import is_htmx

if TYPE_CHECKING:
    from portico.accounts.models import User

Handler = Callable[[HttpRequest], HttpResponse]
_ID_CHARS = frozenset("0123456789abcdefABCDEF-")


def _client_address(request: HttpRequest) -> str:
    """The address that our own proxy saw; a client's own header is never believed."""
    peer = request.META.get("REMOTE_ADDR") or "127.0.0.1"
    trusted = settings.ENVIRONMENT.trusted_proxies.split(",")
    forwarded = request.headers.get("X-Forwarded-For", "")
    if peer in trusted and forwarded:
        return forwarded.rsplit(",", 1)[-1].strip()[:45]
    return str(peer)


def request_context(get_response: Handler) -> Handler:
    """Give the request an id and note where it came from, for logs and audit."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        usable = 8 <= len(given) <= 36 and set(given) <= _ID_CHARS
        request_id = given if usable else secrets.token_hex(8)
        token = origin.set(Origin(_client_address(request), request_id))
        try:
            response = get_response(request)
        finally:
            origin.reset(token)
        response["X-Request-Id"] = request_id
        return response

    return middleware


def viewer_locale(get_response: Handler) -> Handler:
    """Show times in the viewer's zone and texts in his language, and only to him."""

    def middleware(request: HttpRequest) -> HttpResponse:
        user = request.user
        if not user.is_authenticated:
            return get_response(request)
        with timezone.override(user.zone), translation.override(_language(user)):
            response = get_response(request)
        # A page and its parts share an address; nobody else's cache may keep either.
        patch_vary_headers(response, ["HX-Request"])
        if not response.has_header("Cache-Control"):
            patch_cache_control(response, private=True, no_cache=True)
        return response

    return middleware


def _language(user: User) -> str:
    """The user's language, if there are pages in it: never half of one in another."""
    known = user.language in dict(settings.LANGUAGES)
    return user.language if known else settings.LANGUAGE_CODE


class domain_errors:  # noqa: N801 -- named like the functions beside it
    """Render what the domain refuses: a page for people, a problem for programs."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(
        self, request: HttpRequest, error: Exception
    ) -> HttpResponse | None:
        """Answer a :class:`DomainError`; anything else is a fault of ours."""
        if not isinstance(error, DomainError):
            return None
        accepts = request.headers.get("Accept", "")
        if "json" in accepts and "html" not in accepts:
            return _problem(error)
        if is_htmx(request):
            return _notice(error)
        title = _("Not found") if error.status == 404 else _("This was refused")
        context = {"title": title, "error": error, "text": _text(error)}
        return render(request, "shared/refused.html", context, status=error.status)


def _text(error: DomainError) -> str:
    """The message of ``error``, unless it has none but its code."""
    return "" if str(error) == error.code else str(error)


def _problem(error: DomainError) -> HttpResponse:
    problem = {
        "type": "about:blank",
        "title": error.code,
        "status": error.status,
        "detail": str(error),
    }
    return JsonResponse(
        problem, status=error.status, content_type="application/problem+json"
    )


def _notice(error: DomainError) -> HttpResponse:
    """Leave the page as it is and tell the person beside it."""
    gone = _("This is no longer here. Reload the page to see how things stand.")
    text = _text(error) or (gone if error.status == 404 else _("This was refused."))
    response = reswap(HttpResponse(status=error.status), "none")
    return trigger_client_event(
        response, "portico:notice", {"text": text, "kind": "bad"}
    )
