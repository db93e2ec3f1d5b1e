"""What each receiver reads, and how much of it an indoor monitor is sent."""

from __future__ import annotations

import re

MOST_TITLE = 127
MOST_TEXT = 2_000
# RFC 3428, section 8: a request over UDP is at most 1,300 bytes. Headers and the unit's
# own address take less than the rest.
MONITOR_BYTES = 800

NAME, HOUSE = "{name}", "{house}"
_PLACEHOLDER = re.compile(r"\{(?:name|house)\}")
_CUT = "…"


def filled(text: str, *, name: str, house: str) -> str:
    """``text`` with the receiver's name and house in their places.

    In one pass, so that nobody's name is itself read as a place.
    """
    values = {NAME: name, HOUSE: house}
    return _PLACEHOLDER.sub(lambda found: values[found[0]], text)


def plain_lines(text: str) -> str:
    """``text`` with single line ends, as no browser's form sends it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def monitor_text(title: str, text: str) -> str:
    """Title and text as one, cut to what fits one datagram."""
    whole = f"{title}\n\n{text}"
    if len(whole.encode()) <= MONITOR_BYTES:
        return whole
    room = MONITOR_BYTES - len(_CUT.encode())
    return whole.encode()[:room].decode(errors="ignore").rstrip() + _CUT
