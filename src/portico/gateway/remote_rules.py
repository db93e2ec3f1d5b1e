"""What passes between a browser and a device's own pages, and what does not (REM-2).

Pure. The device is not trusted: what it sends may only concern its own origin. Headers of
answers are those that are named here; a device has no business with any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from portico.protocols.bridge.remote import (
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    Headers,
    is_header,
)

RawHeaders = Iterable[tuple[bytes, bytes]]

HTTPS_PORT: Final = 443
_HTTP_PORT: Final = 80
OWN_PREFIX: Final = "/.portico/"
# Names of the cookies of ours, which no device sees or sets.
_OURS: Final = ("portico_", "__host-portico_", "__secure-portico_")

# From the browser: of this connection only, the proxies' own, and what would tell the
# device about the browser's other pages or let it answer in a form we cannot read.
_NOT_TO_DEVICE: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "proxy-authenticate"),
        *("proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"),
        *("host", "content-length", "expect", "cookie", "origin", "referer"),
        *("accept-encoding", "upgrade-insecure-requests", "forwarded", "via"),
        *("x-real-ip", "x-client-ip", "true-client-ip", "service-worker"),
        *("service-worker-navigation-preload", "priority", "x-request-id"),
        *("sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"),
    }
)
_NOT_TO_DEVICE_PREFIXES: Final = ("sec-fetch-", "sec-ch-", "x-forwarded-", "cf-")

_TO_BROWSER: Final = frozenset(
    {
        *(
            "accept-ranges",
            "age",
            "allow",
            "authentication-info",
            "content-disposition",
        ),
        *("content-encoding", "content-language", "content-range", "content-type"),
        *("date", "etag", "expires", "last-modified", "pragma", "retry-after"),
        *("vary", "www-authenticate"),
    }
)
_TEXT_TYPES: Final = (
    "text/",
    "application/javascript",
    "application/x-javascript",
    "application/json",
    "application/xml",
    "application/xhtml",
)
# No camera, microphone or place for a page that came from a box in a wall.
_PERMISSIONS: Final = ", ".join(
    f"{feature}=()"
    for feature in (
        *("camera", "display-capture", "geolocation", "microphone", "midi"),
        *("payment", "publickey-credentials-get", "serial", "usb"),
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """One session's origin, and the device behind it.

    ``host`` and ``port`` are where the bridge finds the device's pages.
    """

    origin: str
    host: str
    port: int

    @property
    def is_secure(self) -> bool:
        return self.origin.startswith("https:")

    def device_base(self, *, tls: bool) -> str:
        """The device's own address of itself."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if tls:
            return f"https://{host}"
        return f"http://{host}" + ("" if self.port == _HTTP_PORT else f":{self.port}")

    def leads_here(self, scheme: str, host: str | None, port: int | None) -> bool:
        """Whether an address is of the device's pages, or of this session's origin."""
        if f"{scheme}://{host}" + (f":{port}" if port else "") == self.origin:
            return True
        usual = HTTPS_PORT if scheme == "https" else _HTTP_PORT
        ports = {HTTPS_PORT} if scheme == "https" else {self.port, _HTTP_PORT}
        return host == self.host and (port or usual) in ports


class LeadsElsewhere(Exception):
    """The device answered with an address that is not its own."""


class TooMuch(Exception):
    """The request's headers are more than a bridge is sent."""


def policy(place: Place) -> list[tuple[bytes, bytes]]:
    """What the browser is told to keep a device's page from."""
    sockets = "ws" + place.origin.removeprefix("http")
    # Devices' pages hold inline scripts and frames of their own, so those are let be;
    # nothing is fetched from, sent to, or shown by anybody else.
    rules = (
        "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:",
        f"connect-src 'self' {sockets}",
        "form-action 'self'",
        "frame-src 'self' blob:",
        "frame-ancestors 'self'",
        "base-uri 'self'",
        "object-src 'none'",
        "manifest-src 'none'",
    )
    told = {
        "content-security-policy": "; ".join(rules),
        "x-frame-options": "SAMEORIGIN",
        # Its own server may ask for the Referer; nobody else gets one.
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "origin-agent-cluster": "?1",
        "permissions-policy": _PERMISSIONS,
        "x-dns-prefetch-control": "off",
        "x-robots-tag": "noindex",
    }
    return [(name.encode(), value.encode()) for name, value in told.items()]


def is_own_request(
    headers: RawHeaders, place: Place, *, method: str, is_socket: bool = False
) -> bool:
    """Whether a page of this very origin asks, or a person goes there.

    Another session's page is of the same site, so that its requests carry our cookie.
    """
    found = {name: value.decode("latin-1") for name, value in headers}
    origin = found.get(b"origin", "")
    if is_socket:
        return origin == place.origin
    fetch_site = found.get(b"sec-fetch-site", "")
    if fetch_site in {"same-site", "cross-site"}:
        goes_there = found.get(b"sec-fetch-mode") == "navigate"
        on_top = found.get(b"sec-fetch-dest") == "document"
        return method in {"GET", "HEAD"} and goes_there and on_top
    if fetch_site in {"same-origin", "none"}:
        return True
    return origin in {"", place.origin}


def to_device(headers: RawHeaders, place: Place, *, tls: bool) -> Headers:
    """The request's headers as the device gets them. :raises TooMuch: see there."""
    base = place.device_base(tls=tls)
    passed: list[tuple[str, str]] = []
    cookies: list[str] = []
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        value = raw_value.decode("latin-1")
        if name == "cookie":
            cookies += _devices_cookies(value)
        elif name == "origin" and value == place.origin:
            passed.append((name, base))
        elif name == "referer" and value.startswith(f"{place.origin}/"):
            passed.append((name, base + value.removeprefix(place.origin)))
        elif _may_pass(name) and is_header(name, value):
            passed.append((name, value))
    if cookies and is_header("cookie", text := "; ".join(cookies)):
        passed.append(("cookie", text))
    size = sum(len(name) + len(value) for name, value in passed)
    if len(passed) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        raise TooMuch
    return tuple(passed)


def _may_pass(name: str) -> bool:
    return name not in _NOT_TO_DEVICE and not name.startswith(_NOT_TO_DEVICE_PREFIXES)


def _devices_cookies(value: str) -> list[str]:
    pairs = (each.strip() for each in value.split(";"))
    return [each for each in pairs if each and not each.lower().startswith(_OURS)]


def cookie_names(value: str) -> list[str]:
    """The names of the device's cookies in a request."""
    return [each.partition("=")[0].strip() for each in _devices_cookies(value)]


def to_browser(headers: Headers, place: Place) -> list[tuple[bytes, bytes]]:
    """The answer's headers as the browser gets them, ours included.

    ``location`` is rewritten, ``content-length`` left to the caller.

    :raises LeadsElsewhere: the device sends the browser to somebody else.
    """
    passed = policy(place)
    cache = "private"
    for raw_name, value in headers:
        name = raw_name.lower()
        if name == "location":
            passed.append((b"location", own_location(value, place).encode("latin-1")))
        elif name == "set-cookie":
            cookie = own_cookie(value, place)
            if cookie:
                passed.append((b"set-cookie", cookie.encode("latin-1")))
        elif name == "cache-control":
            words = (each.strip() for each in value.split(","))
            kept = [each for each in words if each.lower() not in {"public", "private"}]
            cache = ", ".join(["private", *filter(None, kept)])
        elif name in _TO_BROWSER:
            passed.append((name.encode(), value.encode("latin-1")))
    passed.append((b"cache-control", cache.encode("latin-1")))
    return passed


def own_location(value: str, place: Place) -> str:
    """A redirect's target as a path of this origin.

    :raises LeadsElsewhere: it is none of the device's pages.
    """
    value = value.strip(" \t")
    # Browsers read backslashes as slashes and skip what cannot be seen.
    if not value.isascii() or not value.isprintable() or set(value) & {"\\", " "}:
        raise LeadsElsewhere
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise LeadsElsewhere from None
    if parts.scheme or parts.netloc:
        scheme = parts.scheme or "http"
        if scheme not in {"http", "https"} or parts.username is not None:
            raise LeadsElsewhere
        if not place.leads_here(scheme, host, port) and (
            parts.scheme or not place.leads_here("https", host, port)
        ):
            raise LeadsElsewhere
        path = parts.path or "/"
    else:
        path = parts.path
    if path.startswith("//"):  # it would name a host
        path = "/" + path.lstrip("/")
    return urlunsplit(("", "", path, parts.query, parts.fragment)) or "/"


def wants_tls(headers: Headers, place: Place) -> bool | None:
    """Which of its two servers the device sends the browser to; None: it does not."""
    for name, value in headers:
        if name.lower() == "location":
            try:
                parts = urlsplit(value.strip(" \t"))
            except ValueError:
                return None
            if parts.hostname == place.host and parts.scheme in {"http", "https"}:
                return parts.scheme == "https"
    return None


def own_cookie(value: str, place: Place) -> str:
    """A cookie of the device's, for this host alone; "" for one that is not its to set."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(value)
    except CookieError:
        return ""
    if len(jar) != 1:
        return ""
    ((name, morsel),) = jar.items()
    if name.lower().startswith(_OURS) or name.lower().startswith("__"):
        return ""
    parts = [f"{name}={morsel.coded_value}"]
    path = morsel["path"]
    parts.append(f"Path={path if path.startswith('/') else '/'}")
    parts += [
        f"{kind}={morsel[kind]}" for kind in ("max-age", "expires") if morsel[kind]
    ]
    parts += ["HttpOnly"] if morsel["httponly"] else []
    parts += ["Secure"] if place.is_secure else []
    parts.append(
        "SameSite=Strict" if _is_strict(morsel["samesite"]) else "SameSite=Lax"
    )
    text = "; ".join(parts)
    return text if is_header("set-cookie", text) else ""


def _is_strict(value: object) -> bool:
    return str(value).lower() == "strict"


def length_of(headers: Headers) -> int | None:
    """What the device says its body's length is; None: it does not, or not clearly."""
    values = [value for name, value in headers if name.lower() == "content-length"]
    if len(values) != 1 or not values[0].isascii() or not values[0].isdigit():
        return None
    return int(values[0])


def charset_safe_text(headers: Headers, status: int) -> bool:
    """Whether a body is text in which addresses can be replaced byte by byte."""
    found = {name.lower(): value.lower() for name, value in headers}
    if status == 206 or found.get("content-encoding", "identity") != "identity":
        return False
    kind = found.get("content-type", "")
    # A stream of events must not wait for what may still belong to an address.
    is_stream = kind.startswith("text/event-stream")
    return kind.startswith(_TEXT_TYPES) and not is_stream and "utf-16" not in kind
