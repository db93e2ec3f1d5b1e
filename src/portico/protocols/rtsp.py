"""Addresses of cameras (RFC 2326, 3.2): read, written, and which may be contacted."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

DEFAULT_PORT: Final = 554
# Longer ones are no camera's.
MAX_ADDRESS: Final = 255
MAX_ACCOUNT: Final = 127
# Controls, spaces, halves of surrogate pairs, and all that an address must escape.
_UNSAFE: Final = re.compile(r"[^\x21-\x7e]")
_NAME: Final = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
_PLACE: Final = re.compile(
    r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<name>[^\[\]:]*))(?::(?P<port>[^:]*))?"
)
# Resolvers read such a name as an IPv4 address: `127.1`, `0x7f000001`, `2130706433`.
_NUMERIC_END: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


class BadRtspAddress(ValueError):
    """``code``: ``malformed``, ``too_long``, ``scheme``, ``host``, ``port``, ``refused``
    (an address that is nobody's camera) or ``account``. Never repeats the text, which may
    hold a password.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class RtspAddress:
    """``host`` is a name or a literal IP address without brackets, in lower case.

    ``path`` begins with a slash, or is empty; it carries the query. ``user`` and
    ``password`` are plain text.
    """

    host: str
    port: int = DEFAULT_PORT
    path: str = ""
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def public(self) -> str:
        """Without credentials."""
        return f"rtsp://{self._place}"

    @property
    def url(self) -> str:
        """With credentials, as a player takes it."""
        if not (self.user or self.password):
            return self.public
        account = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"rtsp://{account}@{self._place}"

    @property
    def _place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORT else f":{self.port}"
        return f"{host}{port}{self.path}"


def read_rtsp_address(text: str) -> RtspAddress:
    """Read ``rtsp://[user[:password]@]host[:port][/path[?query]]``.

    :raises BadRtspAddress: see there.
    """
    text = text.strip(" ")
    if len(text) > MAX_ADDRESS:
        raise BadRtspAddress("too_long")
    # First: urlsplit drops line breaks silently.
    if not text or _UNSAFE.search(text) or "#" in text:
        raise BadRtspAddress("malformed")
    try:
        parts = urlsplit(text)
    except ValueError:  # brackets that do not match
        raise BadRtspAddress("host") from None
    if parts.scheme != "rtsp" or not text[len("rtsp:") :].startswith("//"):
        raise BadRtspAddress("scheme")
    user, password = _account(parts.username or "", parts.password or "")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    place = _PLACE.fullmatch(parts.netloc.rpartition("@")[2].lower())
    if place is None:
        raise BadRtspAddress("host")
    host, port = _host(place["v6"], place["name"]), _port(place["port"])
    found = RtspAddress(host, port, path, user, password)
    if len(found.public) > MAX_ADDRESS:  # some IPv6 addresses have a longer spelling
        raise BadRtspAddress("too_long")
    return found


def camera_host(text: str) -> str | None:
    """The canonical form of an IP address that may be a camera's, or None.

    A camera is a machine of its own: neither the one that asks, nor a group, nor nothing.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        address = address.ipv4_mapped or address
    is_nobody = (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        # 0.0.0.0/8 is this host, 240.0.0.0/4 with 255.255.255.255 everybody.
        or (address.version == 4 and (address.packed[0] == 0 or address.is_reserved))
    )
    return None if is_nobody else str(address)


def _host(v6: str | None, name: str | None) -> str:
    host = v6 or name or ""
    if v6 is not None or _NUMERIC_END.fullmatch(host):
        literal = _literal(host)
        if literal is not None and (":" in literal) != (v6 is not None):
            raise BadRtspAddress("host")
        if literal is None:
            raise BadRtspAddress("host")
        allowed = camera_host(literal)
        if allowed is None:
            raise BadRtspAddress("refused")
        return allowed
    name = host.removesuffix(".")
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise BadRtspAddress("host")
    if name == "localhost" or name.endswith(".localhost"):
        raise BadRtspAddress("refused")
    return name


def _literal(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def _port(text: str | None) -> int:
    if not text:
        return DEFAULT_PORT
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise BadRtspAddress("port")
    if not 1 <= int(text) <= 65535:
        raise BadRtspAddress("port")
    return int(text)


def _account(user: str, password: str) -> tuple[str, str]:
    try:
        found = unquote(user, errors="strict"), unquote(password, errors="strict")
    except UnicodeDecodeError:
        raise BadRtspAddress("account") from None
    if any(not is_account_text(text) for text in found):
        raise BadRtspAddress("account")
    return found


def is_account_text(text: str) -> bool:
    """Whether ``text`` can be a user name or a password."""
    return len(text) <= MAX_ACCOUNT and text.isprintable()
