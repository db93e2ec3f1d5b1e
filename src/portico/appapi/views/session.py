"""Directory, sign-in, refresh: endpoints 1 to 7 and 10."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.timezone import now
from django.views.decorators.http import require_GET, require_POST

from portico.accounts.selectors import user_by_email, users_by_phone
from portico.accounts.services.app_sessions import (
    TOKEN_LIFETIME,
    AppTokens,
    order_phone_code,
    refresh_session,
    sign_in_with_code,
    sign_in_with_digest,
)
from portico.appapi.http import (
    TOKEN_INVALID,
    endpoint,
    failure,
    legacy_view,
    signed_in_resident,
    success,
)
from portico.appapi.masking import possible_emails, possible_national_numbers
from portico.sites.selectors import resident_of
from portico.sites.services.residents import mark_registered

if TYPE_CHECKING:
    from portico.accounts.models import User
    from portico.sites.models import Resident

_VALID_SECONDS = str(int(TOKEN_LIFETIME.total_seconds()))
_RTSP_PORT = 554
_PLATFORM_VERSION = "7100"


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
    return user is not None and resident_of(user) is not None


def _register(user: User) -> None:
    resident = resident_of(user)
    if resident is not None:
        mark_registered(resident=resident, now=now())


@require_GET
@endpoint
def rest_server(request: HttpRequest) -> HttpResponse:
    return success(_servers(request))


@require_POST
@endpoint
def send_mobile_checkcode(request: HttpRequest) -> HttpResponse:
    """Order a code; the answer never tells whether the number has an account."""
    country = "".join(c for c in request.POST.get("AreaCode", "") if c.isdecimal())
    number = "".join(c for c in request.POST.get("MobileNumber", "") if c.isdecimal())
    order_phone_code(phone=f"+{country}{number.lstrip('0')}"[:16], now=now())
    return success()


@require_GET
@endpoint
def sms_login(request: HttpRequest) -> HttpResponse:
    masked = request.GET.get("phone", "")
    country = request.GET.get("area_code", "").lstrip("+")
    found = users_by_phone(country, possible_national_numbers(masked))
    user, tokens = sign_in_with_code(
        users=[user for user in found if _is_resident(user)],
        account=f"{country}:{masked}"[:64],
        code=request.GET.get("code", "")[:16],
        client=request.headers.get("User-Agent", ""),
        now=now(),
    )
    _register(user)
    return _signed_in(request, tokens)


@require_GET
@endpoint
def login(request: HttpRequest) -> HttpResponse:
    masked = request.GET.get("user", "")[:254]
    found = (user_by_email(email) for email in possible_emails(masked))
    user, tokens = sign_in_with_digest(
        user=next((user for user in found if _is_resident(user)), None),
        account=masked.lower(),
        digest=request.GET.get("passwd", "")[:64],
        client=request.headers.get("User-Agent", ""),
        now=now(),
    )
    _register(user)
    return _signed_in(request, tokens)


def _json_of(request: HttpRequest) -> dict[str, Any]:
    try:
        content = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


@endpoint
def servers_list(request: HttpRequest) -> HttpResponse:
    body = _json_of(request) if request.method == "POST" else {}
    given = (
        request.headers.get("X-Auth-Token"),
        request.GET.get("token"),
        body.get("token"),
        body.get("auth_token"),
    )
    for token in dict.fromkeys(given):
        if isinstance(token, str) and signed_in_resident(token) is not None:
            return success(_servers(request))
    return failure(TOKEN_INVALID)


@require_POST
@endpoint
def refresh_token(request: HttpRequest) -> HttpResponse:
    """New tokens. No ``result`` here: clients that see it unwrap the reply."""
    given = _json_of(request).get("refresh_token")
    tokens = refresh_session(refresh_token=str(given or ""), now=now())
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


@require_GET
@legacy_view
def login_conf(request: HttpRequest, resident: Resident) -> HttpResponse:
    del request, resident
    return success()
