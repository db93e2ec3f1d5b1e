"""Looking for units at a range of addresses: what is asked, and what it came to."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any, Final

from portico.protocols.bridge.fields import Fields, bad

SCAN_NETWORK: Final = "scan_network"
# Four networks of 254 machines: a minute's work, and more than a house has.
MAX_ADDRESSES: Final = 1024
# Units that answered; those of them that are nobody's here; those that told no MAC.
ANSWERED: Final = "answered"
NEW: Final = "new"
NAMELESS: Final = "nameless"


def scan_data(first: str, last: str) -> dict[str, Any]:
    """``data`` of the command that looks from ``first`` to ``last``, both included."""
    return {"first": first, "last": last}


def read_scan(data: Mapping[str, Any]) -> list[IPv4Address]:
    """The addresses that are meant, in order.

    :raises Nonsense: not the data of a ``scan_network`` command.
    """
    of = Fields(dict(data))
    first, last = _address(of, "first"), _address(of, "last")
    count = int(last) - int(first) + 1
    if not 1 <= count <= MAX_ADDRESSES:
        raise bad("last")
    return [first + step for step in range(count)]


def _address(of: Fields, name: str) -> IPv4Address:
    try:
        return IPv4Address(of.text(name, 15, empty=False))
    except ValueError:
        raise bad(name) from None
