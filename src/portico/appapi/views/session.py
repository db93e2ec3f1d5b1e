"""Directory, sign-in, refresh: endpoints 1 to 7 and 10."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.timezone import now

from portico.accounts.selectors import user_by_email, users_by_phone
from portico.accounts.services.app_sessions import (
    TOKEN_LIFETIME,
    AppTokens,
    order_phone_code,
    refresh_session,
    session_by_auth_token,
    sign_in_with_code,
    sign_in_with_digest,
)
from portico.appapi.http import (
    clean_text,
    endpoint,
    homes_of,
    legacy_view,
    success,
    token_refused,
)
from portico.appapi.masking import (
    common_tail,
    possible_emails,
    possible_national_numbers,
)
from portico.sites.selectors import is_resident
from portico.sites.services.residents import mark_registered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portico.accounts.models import User
    from portico.sites.models import Resident

_VALID_SECONDS = str(int(TOKEN_LIFETIME.total_seconds()))
_RTSP_PORT = 554
_PLATFORM_VERSION = "7100"
# As long as the columns that they are compared with, or stored in.
_MOST_EMAIL = 254
_MOST_CLIENT = 255
_MOST_DIGITS = 15
_MOST_SECRET = 64


def _servers(request: HttpRequest) -> dict[str, str]:
    """Every role is this server, under the name that the client came by."""
    host = settings.ENVIRONMENT.app_host or request.get_host()
    video = f"{host.partition(':')[0]}:{_RTSP_PORT}"
    roles = ("rest_server", "rest_server_https", "access_server", "pbx_server")
    servers = dict.fromkeys((*roles, "web_server"), host)
    servers |= {"rtmp_server": video, "vrtsp_server": video}
    servers |= {f"{name}_ipv6": "" for name in servers}
    return servers | {"platform_ver": _PLATFORM_VERSION}


def _signed_in(request: HttpRequest, tokens: AppTokens) -> JsonResponse:
    return success(
        _servers(request)
        | {
            "token": tokens.token,
            "auth_token": tokens.auth_token,
            "refresh_token": tokens.refresh_token,
            "token_valid": _VALID_SECONDS,
        }
    )


def _is_resident(user: User | None) -> bool:
    return user is not None and is_resident(user)


def _client(request: HttpRequest) -> str:
    return clean_text(request.headers.get("User-Agent"), _MOST_CLIENT)


def _digits(text: str) -> str:
    """The ASCII digits of ``text``, as many as a phone number has."""
    return "".join(c for c in text[: 2 * _MOST_DIGITS] if c in string.digits)


@endpoint("GET")
def rest_server(request: HttpRequest) -> HttpResponse:
    return success(_servers(request))


@endpoint("POST")
def send_mobile_checkcode(request: HttpRequest) -> HttpResponse:
    """Order a code; the answer never tells whether the number has an account."""
    country = _digits(request.POST.get("AreaCode", ""))
    number = _digits(request.POST.get("MobileNumber", "")).lstrip("0")
    order_phone_code(phone=f"+{country}{number}"[: _MOST_DIGITS + 1], now=now())
    return success()


@endpoint("GET")
def sms_login(request: HttpRequest) -> HttpResponse:
    masked = clean_text(request.GET.get("phone"), _MOST_DIGITS + 1)
    country = _digits(request.GET.get("area_code", ""))
    found = users_by_phone(country, possible_national_numbers(masked))
    user, tokens = sign_in_with_code(
        users=[user for user in found if _is_resident(user)],
        names=[f"+{country}{common_tail(masked)}"],
        code=clean_text(request.GET.get("code"), _MOST_SECRET),
        client=_client(request),
        now=now(),
    )
    mark_registered(user=user, now=now())
    return _signed_in(request, tokens)


@endpoint("GET")
def login(request: HttpRequest) -> HttpResponse:
    names = possible_emails(clean_text(request.GET.get("user"), _MOST_EMAIL))
    found = (user_by_email(email) for email in names)
    user, tokens = sign_in_with_digest(
        user=next((user for user in found if _is_resident(user)), None),
        names=names,
        digest=clean_text(request.GET.get("passwd"), _MOST_SECRET).lower(),
        client=_client(request),
        now=now(),
    )
    mark_registered(user=user, now=now())
    return _signed_in(request, tokens)


def _json_of(request: HttpRequest) -> dict[str, Any]:
    try:
        content = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):  # no JSON, or brackets without end
        return {}
    return content if isinstance(content, dict) else {}


def _may_see_servers(request: HttpRequest) -> bool:
    """Whether any token in ``request`` is good: clients send two, in three places."""
    body = _json_of(request) if request.method == "POST" else {}
    given = (
        request.headers.get("X-Auth-Token"),
        request.GET.get("token"),
        body.get("token"),
    )
    texts = dict.fromkeys(token for token in given if isinstance(token, str))
    if any(homes_of(token) for token in texts):
        return True
    auth_token = clean_text(body.get("auth_token"), _MOST_SECRET)
    session = session_by_auth_token(auth_token=auth_token, now=now())
    return session is not None and _is_resident(session.user)


@endpoint("GET", "POST")
def servers_list(request: HttpRequest) -> HttpResponse:
    if not _may_see_servers(request):
        return token_refused()
    return success(_servers(request))


@endpoint("POST")
def refresh_token(request: HttpRequest) -> HttpResponse:
    """New tokens. No ``result`` here: clients that see it unwrap the reply."""
    given = clean_text(_json_of(request).get("refresh_token"), _MOST_SECRET)
    tokens = refresh_session(refresh_token=given, now=now())
    return JsonResponse(
        {
            "err_code": "0",
            "message": "success",
            "datas": {
                "token": tokens.token,
                "refresh_token": tokens.refresh_token,
                "token_valid": _VALID_SECONDS,
            },
        }
    )


@legacy_view("GET")
def login_conf(request: HttpRequest, homes: Sequence[Resident]) -> HttpResponse:
    del request, homes
    return success()
