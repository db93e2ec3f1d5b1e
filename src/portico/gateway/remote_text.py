"""Absolute links of a device to itself, in text that passes by in pieces.

Devices write their own LAN address into pages, scripts and style sheets, where no browser
outside of that LAN can follow it.
"""

from __future__ import annotations

import re

from portico.gateway.remote_rules import HTTPS_PORT, Place

# The longest address that is looked for, with what must stand behind it: a scheme, two
# escaped slashes, an IPv6 address in brackets, a port.
_LONGEST = 80


class OwnLinks:
    """Rewrites one body; feed it all pieces, then take the rest."""

    def __init__(self, place: Place) -> None:
        host = re.escape(f"[{place.host}]" if ":" in place.host else place.host)
        ports = "|".join(sorted({"80", str(HTTPS_PORT), str(place.port)}))
        self._pattern = re.compile(
            rf"(?:(https?|wss?):)?(\\?/\\?/){host}(?::(?:{ports}))?(?![\w.:-])".encode(),
            re.IGNORECASE,
        )
        scheme, _, rest = place.origin.partition("://")
        self._schemes = {
            False: scheme.encode(),
            True: (b"wss" if scheme == "https" else b"ws"),
        }
        self._host = rest.encode()
        self._held = b""

    def feed(self, part: bytes) -> bytes:
        """What can be said of the text so far."""
        text = self._held + part
        # What starts before this is whole.
        safe = max(0, len(text) - _LONGEST)
        done = bytearray()
        at = 0
        for match in self._pattern.finditer(text):
            if match.start() >= safe:
                break
            done += text[at : match.start()] + self._own(match)
            at = match.end()
        at_most = max(at, safe)
        done += text[at:at_most]
        self._held = text[at_most:]
        return bytes(done)

    def rest(self) -> bytes:
        """The end of the text."""
        held, self._held = self._held, b""
        return self._pattern.sub(self._own, held)

    def _own(self, match: re.Match[bytes]) -> bytes:
        scheme = match[1]
        if scheme is None:
            return match[2] + self._host
        is_socket = scheme.lower().startswith(b"ws")
        return self._schemes[is_socket] + b":" + match[2] + self._host
