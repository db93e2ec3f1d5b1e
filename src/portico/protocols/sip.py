"""SIP messages (RFC 3261) as far as a registering user agent needs them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# One UDP datagram.
MAX_BYTES: Final = 65_507
_COMPACT: Final = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "o": "event",
}
_STATUS: Final = re.compile(r"SIP/2\.0 (\d{3}) ?(.*)")
_REQUEST: Final = re.compile(r"([A-Z]+) (\S+) SIP/2\.0")
_EXPIRES: Final = re.compile(r";\s*expires\s*=\s*(\d+)", re.IGNORECASE)

Header = tuple[str, str]


class BadSip(ValueError):
    """The datagram is no SIP message."""


@dataclass(frozen=True, slots=True)
class SipMessage:
    """A request (``method`` and ``uri``) or a response (``status``, else 0)."""

    headers: tuple[Header, ...]
    method: str = ""
    uri: str = ""
    status: int = 0
    reason: str = ""
    body: str = ""

    def get(self, name: str) -> str:
        """The first header of that name, empty when there is none."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), "")

    def all(self, name: str) -> list[str]:
        return [v for k, v in self.headers if k.lower() == name.lower()]

    @property
    def sequence_method(self) -> str:
        return self.get("CSeq").rpartition(" ")[2]

    def encode(self) -> bytes:
        """The message as it is sent, ``Content-Length`` included."""
        if self.status:
            first = f"SIP/2.0 {self.status} {self.reason}"
        else:
            first = f"{self.method} {self.uri} SIP/2.0"
        lines = [first, *(f"{name}: {value}" for name, value in self.headers)]
        lines.append(f"Content-Length: {len(self.body.encode())}")
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


def parse(datagram: bytes) -> SipMessage:
    """Read one datagram.

    :raises BadSip: see there.
    """
    text = datagram.decode("utf-8", "replace")
    head, _, body = text.partition("\r\n\r\n")
    first, *rest = head.split("\r\n")
    headers = tuple(_headers(rest))
    if match := _STATUS.fullmatch(first):
        return SipMessage(headers, status=int(match[1]), reason=match[2], body=body)
    if match := _REQUEST.fullmatch(first):
        return SipMessage(headers, method=match[1], uri=match[2], body=body)
    raise BadSip(first[:80])


def answer_to(
    request: SipMessage,
    status: int,
    reason: str,
    *,
    tag: str,
    extra: Iterable[Header] = (),
) -> SipMessage:
    """A response with the headers that a response copies, and a tag in ``To``."""
    target = request.get("To")
    if "tag=" not in target:
        target += f";tag={tag}"
    headers = [
        *(("Via", value) for value in request.all("Via")),
        ("From", request.get("From")),
        ("To", target),
        ("Call-ID", request.get("Call-ID")),
        ("CSeq", request.get("CSeq")),
        *extra,
    ]
    return SipMessage(tuple(headers), status=status, reason=reason)


def granted_seconds(response: SipMessage, asked: int) -> int:
    """The lifetime that a registrar granted: per contact, else for all, else as asked."""
    for contact in response.all("Contact"):
        if match := _EXPIRES.search(contact):
            return int(match[1])
    whole = response.get("Expires")
    return int(whole) if whole.isdecimal() else asked


def _headers(lines: Iterable[str]) -> list[Header]:
    found: list[Header] = []
    for line in lines:
        if line[:1] in (" ", "\t") and found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if colon:
            name = name.strip()
            found.append((_COMPACT.get(name.lower(), name), value.strip()))
    return found
