"""HTTP authentication as the devices do it: Digest MD5 with ``qop=auth``, and Basic.

RFC 7616 (with the MD5 algorithm of RFC 2617, the only one these devices know). Used by
the local API, RTSP (server side), AutoP, action URLs and SIP (client side).
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

# A client that reuses a nonce saves a round trip per request; after this it gets a new
# one with stale=true and need not ask for the password again. Embedded servers of this
# class use a few minutes.
NONCE_SECONDS: Final = 300.0
# More clients at once than any device has; the oldest nonce is forgotten.
MAX_NONCES: Final = 256
_PAIR: Final = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


class Verdict(enum.Enum):
    OK = enum.auto()
    MISSING = enum.auto()
    WRONG = enum.auto()
    STALE = enum.auto()


@dataclass(slots=True)
class _Nonce:
    made_at: float
    used: set[int] = field(default_factory=set)


class DigestGuard:
    """Server side. A nonce counter value is accepted once, so a copied request fails.

    Without ``qop`` (RTSP clients of RFC 2069 age) there is no counter to check.
    """

    def __init__(
        self,
        realm: str,
        *,
        qop: bool = True,
        nonce_seconds: float = NONCE_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._realm = realm
        self._qop = ', qop="auth"' if qop else ""
        self._nonce_seconds = nonce_seconds
        self._now = now
        self._nonces: OrderedDict[str, _Nonce] = OrderedDict()

    def challenge(self, *, stale: bool = False) -> str:
        """The value of a ``WWW-Authenticate`` header with a fresh nonce."""
        nonce = secrets.token_hex(16)
        self._nonces[nonce] = _Nonce(self._now())
        while len(self._nonces) > MAX_NONCES:
            self._nonces.popitem(last=False)
        flag = ", stale=true" if stale else ""
        return (
            f'Digest realm="{self._realm}", nonce="{nonce}"{self._qop}, '
            f"algorithm=MD5{flag}"
        )

    def check(
        self, header: str, *, method: str, uri: str, user: str, password: str
    ) -> Verdict:
        """Judge an ``Authorization`` header. ``uri`` is the request target as sent."""
        scheme, fields = parse_header(header)
        if scheme != "digest":
            return Verdict.MISSING
        if fields.get("username") != user or fields.get("uri") != uri:
            return Verdict.WRONG
        expected = response(fields, method=method, password=password)
        if not hmac.compare_digest(expected, fields.get("response", "")):
            return Verdict.WRONG
        return self._spend(fields)

    def _spend(self, fields: Mapping[str, str]) -> Verdict:
        nonce = self._nonces.get(fields.get("nonce", ""))
        if nonce is None or self._now() - nonce.made_at > self._nonce_seconds:
            return Verdict.STALE
        if not self._qop:
            return Verdict.OK
        try:
            count = int(fields.get("nc", "0"), 16)
        except ValueError:
            return Verdict.WRONG
        if count in nonce.used:
            return Verdict.STALE
        nonce.used.add(count)
        return Verdict.OK


def parse_header(header: str) -> tuple[str, dict[str, str]]:
    """Scheme (lower case) and parameters of a challenge or an answer to one."""
    scheme, _, rest = header.strip().partition(" ")
    fields = {
        match[1].lower(): re.sub(r"\\(.)", r"\1", match[2])
        if match[2] is not None
        else match[3]
        for match in _PAIR.finditer(rest)
    }
    return scheme.lower(), fields


def response(fields: Mapping[str, str], *, method: str, password: str) -> str:
    """The ``response`` value that the other fields call for."""
    user, realm = fields.get("username", ""), fields.get("realm", "")
    nonce = fields.get("nonce", "")
    first = _md5(f"{user}:{realm}:{password}")
    second = _md5(f"{method}:{fields.get('uri', '')}")
    if fields.get("qop"):
        middle = f"{fields.get('nc', '')}:{fields.get('cnonce', '')}:{fields['qop']}"
        return _md5(f"{first}:{nonce}:{middle}:{second}")
    return _md5(f"{first}:{nonce}:{second}")


def answer(
    challenge: str, *, method: str, uri: str, user: str, password: str, count: int = 1
) -> str | None:
    """The ``Authorization`` value for a challenge; None when it cannot be answered."""
    scheme, asked = parse_header(challenge)
    if scheme == "basic":
        return basic(user, password)
    if scheme != "digest" or asked.get("algorithm", "MD5").upper() != "MD5":
        return None
    fields = {
        "username": user,
        "realm": asked.get("realm", ""),
        "nonce": asked.get("nonce", ""),
        "uri": uri,
    }
    if "auth" in [each.strip() for each in asked.get("qop", "").split(",")]:
        fields |= {
            "qop": "auth",
            "nc": f"{count:08x}",
            "cnonce": secrets.token_hex(8),
        }
    fields["response"] = response(fields, method=method, password=password)
    if "opaque" in asked:
        fields["opaque"] = asked["opaque"]
    bare = {"qop", "nc"}
    parts = [
        f"{name}={value}" if name in bare else f'{name}="{_escaped(value)}"'
        for name, value in fields.items()
    ]
    return "Digest " + ", ".join([*parts, "algorithm=MD5"])


def basic(user: str, password: str) -> str:
    """The value of a Basic ``Authorization`` header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def check_basic(header: str, *, user: str, password: str) -> Verdict:
    """Judge a Basic ``Authorization`` header."""
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return Verdict.MISSING
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return Verdict.WRONG
    wanted = f"{user}:{password}".encode()
    return Verdict.OK if hmac.compare_digest(given, wanted) else Verdict.WRONG


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
