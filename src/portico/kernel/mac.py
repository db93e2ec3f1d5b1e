"""MAC addresses as they are written on labels, in files and in requests."""

from __future__ import annotations

import re
from typing import Final

_BARE: Final = re.compile(r"[0-9A-F]{12}")
_GROUPED: Final = re.compile(
    r"[0-9A-F]{2}(?:([:-])[0-9A-F]{2})(?:\1[0-9A-F]{2}){4}"  # 0C:11:05:AA:BB:CC
    r"|[0-9A-F]{4}\.[0-9A-F]{4}\.[0-9A-F]{4}"  # 0c11.05aa.bbcc
)
_PART: Final = re.compile(r"[0-9A-F:.-]{1,17}")


class InvalidMac(ValueError):
    """The text is not a unicast MAC address."""


def parse_mac(text: str) -> str:
    """Return ``text`` as 12 upper-case hex digits, the one form Portico stores.

    Accepts ``0C:11:05:AA:BB:CC``, ``0c-11-05-aa-bb-cc``, ``0c11.05aa.bbcc`` and bare
    hex, with blanks around.

    :raises InvalidMac: anything else, a multicast address, or all zeros.
    """
    upper = text.strip().upper()
    if not (_BARE.fullmatch(upper) or _GROUPED.fullmatch(upper)):
        raise InvalidMac(text)
    mac = re.sub(r"[:.-]", "", upper)
    if int(mac[:2], 16) & 1 or not int(mac, 16):
        raise InvalidMac(text)
    return mac


def pretty_mac(mac: str) -> str:
    """``0C1105AABBCC`` as ``0C:11:05:AA:BB:CC``."""
    return ":".join(mac[index : index + 2] for index in range(0, 12, 2))


def mac_part(text: str) -> str:
    """What ``text`` could be a part of: its hex digits; empty: of no MAC.

    ``0c:11`` gives ``0C11``, ``Front door`` nothing.
    """
    upper = text.strip().upper()
    return re.sub(r"[:.-]", "", upper) if _PART.fullmatch(upper) else ""
