"""Envelopes and tokens of the app API, as its clients need them.

Refusals are HTTP 200 with a code: clients that see another status never refresh their
token. ``result`` is an int, ``err_code`` a string, both are read by somebody.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt

from portico.accounts.errors import SignInRefused, TooManyTries
from portico.accounts.services.app_sessions import session_for
from portico.kernel.errors import DomainError, NotVisible
from portico.sites.selectors import resident_of
from portico.tenancy.selectors import platform_settings

if TYPE_CHECKING:
    from portico.sites.models import Resident

View = Callable[..., HttpResponse]
Tell = Callable[[str], JsonResponse]

# What clients look for in order to refresh or to ask for a new sign-in.
TOKEN_INVALID = "token invalid"  # noqa: S105 -- a text of the protocol
IDENTITY_INVALID = "Invalid identity information! Please login again."
IDENTITY_CODE = 2


def success(datas: dict[str, Any] | None = None) -> JsonResponse:
    """The legacy envelope; without ``datas`` the key is absent."""
    reply: dict[str, Any] = {"result": 0, "err_code": "0", "message": "success"}
    return JsonResponse(reply if datas is None else reply | {"datas": datas})


def failure(message: str, code: int = 1) -> JsonResponse:
    """A refusal that every legacy client recognises as one."""
    return JsonResponse({"result": code, "err_code": str(code), "message": message})


def web_success(data: Any) -> JsonResponse:
    """The envelope of the v3 and v4 paths."""
    return JsonResponse({"code": 0, "msg": "success", "data": data})


def web_failure(message: str, code: int = 1) -> JsonResponse:
    """A refusal of the v3 and v4 paths."""
    return JsonResponse({"code": code, "msg": message, "data": []})


def endpoint(view: View) -> View:
    """An open endpoint: no CSRF, off when the operator says so, domain errors told."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not platform_settings().app_api_enabled:
            raise NotVisible
        try:
            return view(request, *args, **kwargs)
        except TooManyTries:
            return JsonResponse({"error_msg": "Requesting too frequently"}, status=429)
        except SignInRefused:
            return failure("account or password is wrong")
        except DomainError as error:
            return failure(str(error))

    return csrf_exempt(guarded)


def _token_of(request: HttpRequest) -> str:
    return request.headers.get("X-Auth-Token") or request.GET.get("token", "")


def signed_in_resident(token: str) -> Resident | None:
    """Whose token it is. An empty one costs no query: some clients poll with it."""
    if not token:
        return None
    session = session_for(token=token, now=now())
    return None if session is None else resident_of(session.user)


def _signed_in(view: View, refuse: Callable[[], JsonResponse], tell: Tell) -> View:
    @functools.wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        resident = signed_in_resident(_token_of(request))
        if resident is None:
            return refuse()
        try:
            return view(request, resident, *args, **kwargs)
        except DomainError as error:
            return tell(str(error))

    return endpoint(checked)


def legacy_view(view: View) -> View:
    """An endpoint for a signed-in resident with the legacy envelope."""
    return _signed_in(view, lambda: failure(TOKEN_INVALID), failure)


def web_view(view: View) -> View:
    """An endpoint for a signed-in resident with the v3 and v4 envelope."""
    return _signed_in(
        view, lambda: web_failure(IDENTITY_INVALID, IDENTITY_CODE), web_failure
    )
