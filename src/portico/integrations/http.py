"""Calls to vendors' servers: bounded in time and size, never redirected, never inward.

An account's addresses are entered by a company. In production only https to public
addresses is called, and the address that was checked is the one that is connected to: a
name cannot lead elsewhere between the two.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx
from django.utils.translation import gettext as _

from portico.locks.enums import LockReason
from portico.locks.ports import BadAddress, LockFailed

# A person waits at a door; a vendor that needs longer is as good as away.
CONNECT_SECONDS = 3.0
WHOLE_SECONDS = 8.0
# Some thousand locks with all that vendors say of them.
MOST_BYTES = 2_000_000
_MOST_RETRY_AFTER = 3600.0

_STATUS = {
    401: LockReason.CREDENTIALS,
    403: LockReason.FORBIDDEN,
    404: LockReason.NOT_FOUND,
    409: LockReason.OFFLINE,
    423: LockReason.OFFLINE,
    429: LockReason.TOO_MANY,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered; ``body`` is JSON, or None where there is none."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls servers. ``may_be_local``: also plain http to this machine, for tests."""

    may_be_local: bool = False

    def check(self, url: str) -> None:
        """Whether an account may have ``url``. :raises BadAddress: no."""
        _parts(url, self.may_be_local)

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
        data: object = None,
        changes: bool = False,
    ) -> Answer:
        """One request. ``changes``: without an answer nobody knows what it did.

        :raises LockFailed: no usable answer; any status but success is none.
        """
        try:
            target, extensions = self._pinned(url)
            kept = {
                **headers,
                "Host": urlsplit(url).netloc,
                "Accept": "application/json",
            }
            with httpx.Client(
                timeout=httpx.Timeout(WHOLE_SECONDS, connect=CONNECT_SECONDS),
                follow_redirects=False,
                trust_env=False,
            ) as client:
                request = client.build_request(
                    method,
                    target,
                    headers=kept,
                    data=form,
                    json=data,
                    extensions=extensions,
                )
                return _read(client, request, changes)
        except BadAddress:
            raise LockFailed(LockReason.NOT_ALLOWED) from None
        except (httpx.ConnectError, httpx.ConnectTimeout, OSError):
            raise LockFailed(LockReason.UNREACHABLE) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):
            raise _silent(changes) from None

    def _pinned(self, url: str) -> tuple[str, dict[str, Any]]:
        """``url`` at one checked address, and how TLS names the server there."""
        parts = _parts(url, self.may_be_local)
        host = parts.hostname or ""
        if self.may_be_local:
            return url, {}
        found = socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
        addresses = {str(one[4][0]) for one in found}
        if not all(_is_public(one) for one in addresses):
            raise BadAddress(_not_public())
        address = min(addresses)
        there = f"[{address}]" if ":" in address else address
        port = f":{parts.port}" if parts.port else ""
        pinned = parts._replace(netloc=f"{there}{port}").geturl()
        return pinned, {"sni_hostname": host}


def _parts(url: str, may_be_local: bool) -> SplitResult:  # noqa: FBT001 -- private
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise BadAddress(_("This is no address of a server.")) from None
    if not host or parts.username or parts.fragment:
        raise BadAddress(_("This is no address of a server."))
    local = host == "localhost" or _is_loopback(host)
    if local and may_be_local and parts.scheme in {"http", "https"}:
        return parts
    if parts.scheme != "https":
        raise BadAddress(_("The address has to begin with https://."))
    if local or (_is_literal(host) and not _is_public(host)):
        raise BadAddress(_not_public())
    return parts


def _not_public() -> str:
    return _("This address is not one of the public internet.")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return _is_literal(host) and ipaddress.ip_address(host).is_loopback


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None) or found
    return bool(mapped.is_global and not mapped.is_multicast)


def _silent(changes: bool) -> LockFailed:  # noqa: FBT001 -- private
    if changes:
        return LockFailed(LockReason.UNKNOWN_OUTCOME, is_sure=False)
    return LockFailed(LockReason.UNREACHABLE)


def _read(client: httpx.Client, request: httpx.Request, changes: bool) -> Answer:  # noqa: FBT001
    ends = time.monotonic() + WHOLE_SECONDS
    answer = client.send(request, stream=True)
    try:
        content = bytearray()
        for piece in answer.iter_bytes():
            content += piece
            if len(content) > MOST_BYTES:
                raise LockFailed(LockReason.GARBAGE, is_sure=not changes)
            if time.monotonic() > ends:
                raise _silent(changes)
    finally:
        answer.close()
    body = _json(bytes(content))
    if answer.is_success:
        return Answer(answer.status_code, body)
    raise _refusal(answer, body, changes)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content) if content.strip() else None
    except (ValueError, RecursionError):
        return None


def _refusal(answer: httpx.Response, body: Any, changes: bool) -> LockFailed:  # noqa: FBT001
    status = answer.status_code
    if answer.is_redirect or 300 <= status < 400:
        return LockFailed(LockReason.REDIRECT)
    if status >= 500:
        # It may have done it and failed afterwards.
        return LockFailed(LockReason.VENDOR_FAULT, is_sure=not changes)
    if isinstance(body, dict) and body.get("ErrorCode") == _OTP:
        return LockFailed(LockReason.NEEDS_OTP)
    reason = _STATUS.get(status, LockReason.REJECTED)
    return LockFailed(reason, retry_after=_retry_after(answer))


# Salto's code for a one-time code that is missing or wrong.
_OTP = 3102


def _retry_after(answer: httpx.Response) -> float:
    """Seconds; the date form is not used by either vendor and counts as nothing."""
    text = answer.headers.get("retry-after", "")
    is_number = text.isascii() and text.isdecimal() and len(text) < 9
    return min(float(text), _MOST_RETRY_AFTER) if is_number else 0.0
