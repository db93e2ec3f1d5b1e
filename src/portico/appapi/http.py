"""Envelopes and tokens of the app API, as its clients need them.

Refusals are HTTP 200 with a code: clients that see another status never refresh their
token. ``result`` is an int, ``err_code`` a string, both are read by somebody.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    JsonResponse,
)
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt

from portico.accounts.errors import SignInRefused, TooManyTries
from portico.kernel.errors import DomainError
from portico.sites.services.residents import signed_in_by
from portico.tenancy.selectors import platform_settings

if TYPE_CHECKING:
    from portico.sites.models import Resident

View = Callable[..., HttpResponse]
Tell = Callable[[str], JsonResponse]

# What clients look for in order to refresh or to ask for a new sign-in. One of them
# takes only a result of -1 for a refused token, the others any that is not 0.
TOKEN_INVALID = "token invalid"  # noqa: S105 -- a text of the protocol
TOKEN_INVALID_CODE = -1
IDENTITY_INVALID = "Invalid identity information! Please login again."
IDENTITY_CODE = 2
# Our tokens are shorter; what is longer is nobody's.
_MOST_TOKEN = 64
_RETRY_AFTER = "60"


def success(datas: dict[str, Any] | None = None) -> JsonResponse:
    """The legacy envelope; without ``datas`` the key is absent."""
    reply: dict[str, Any] = {"result": 0, "err_code": "0", "message": "success"}
    return JsonResponse(reply if datas is None else reply | {"datas": datas})


def failure(message: str, code: int = 1) -> JsonResponse:
    """A refusal that every legacy client recognises as one."""
    return JsonResponse({"result": code, "err_code": str(code), "message": message})


def token_refused() -> JsonResponse:
    """The refusal that makes legacy clients refresh their token."""
    return failure(TOKEN_INVALID, TOKEN_INVALID_CODE)


def web_success(data: Any) -> JsonResponse:
    """The envelope of the v3 and v4 paths."""
    return JsonResponse({"code": 0, "msg": "success", "data": data})


def web_failure(message: str, code: int = 1) -> JsonResponse:
    """A refusal of the v3 and v4 paths."""
    return JsonResponse({"code": code, "msg": message, "data": []})


def identity_refused() -> JsonResponse:
    """The refusal that makes clients of the v3 and v4 paths refresh their token."""
    return web_failure(IDENTITY_INVALID, IDENTITY_CODE)


def clean_text(value: object, most: int) -> str:
    """``value`` as a text that any database takes: printable, ``most`` long at most.

    What is no text at all counts as empty.
    """
    if not isinstance(value, str):
        return ""
    return "".join(char for char in value[:most] if char.isprintable())


def small_number(text: str, most: int) -> int | None:
    """``text`` as a number from 0 to ``most``; None for anything else.

    Only ASCII digits, and not so many that counting them costs anything.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        return None
    number = int(text)
    return number if number <= most else None


def endpoint(*methods: str) -> Callable[[View], View]:
    """An open endpoint: no CSRF, off when the operator says so, domain errors told."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not platform_settings().app_api_enabled:
                return JsonResponse({"error_msg": "not found"}, status=404)
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            # All clients mean UTF-8; some codecs that one can name decode no text.
            request.encoding = "utf-8"
            try:
                return view(request, *args, **kwargs)
            except TooManyTries:
                return _too_many()
            except SignInRefused:
                return failure("account or password is wrong")
            except DomainError as error:
                return failure(str(error))

        return csrf_exempt(guarded)

    return decorate


def _too_many() -> JsonResponse:
    return JsonResponse(
        {"error_msg": "Requesting too frequently"},
        status=429,
        headers={"Retry-After": _RETRY_AFTER},
    )


def token_of(request: HttpRequest) -> str:
    """The token that came with ``request``, in the header or in the query."""
    given = request.headers.get("X-Auth-Token") or request.GET.get("token", "")
    return clean_text(given, _MOST_TOKEN)


def homes_of(token: object) -> Sequence[Resident]:
    """Where he whose token it is lives: the resident of each of his houses; the first first.

    An empty token costs no query: some clients poll with it.
    """
    plain = clean_text(token, _MOST_TOKEN)
    if not plain:
        return []
    return signed_in_by(token=plain, now=now())


def _signed_in(
    methods: tuple[str, ...], refuse: Callable[[], JsonResponse], tell: Tell
) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @functools.wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            homes = homes_of(token_of(request))
            if not homes:
                return refuse()
            try:
                return view(request, homes, *args, **kwargs)
            except TooManyTries:
                raise
            except DomainError as error:
                return tell(str(error))

        return endpoint(*methods)(checked)

    return decorate


def legacy_view(*methods: str) -> Callable[[View], View]:
    """An endpoint for a signed-in resident, given his homes, with the legacy envelope."""
    return _signed_in(methods, token_refused, failure)


def web_view(*methods: str) -> Callable[[View], View]:
    """An endpoint for a signed-in resident, given his homes, with the v3 and v4 envelope."""
    return _signed_in(methods, identity_refused, web_failure)
