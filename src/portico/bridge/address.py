"""Which addresses the bridge may contact at all."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

_HTTP_PORT: Final = 80
# Only networks that cannot be somebody else's machine on the internet. `is_private` of
# the standard library is wider (documentation and reserved networks).
_LAN: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)


@dataclass(frozen=True, slots=True)
class LanAddress:
    """A device's HTTP address; ``host`` is a literal IP address of the LAN."""

    host: str
    port: int = _HTTP_PORT

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _HTTP_PORT else f"{host}:{self.port}"

    @property
    def base(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def lan_address(text: str) -> LanAddress | None:
    """Read ``host``, ``host:port`` or ``[v6]:port``; None unless it is on a LAN.

    Names are refused: what they resolve to is not ours to control.
    """
    host, port = _split(text)
    number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else 0
    literal = lan_host(host)
    if literal is None or not 1 <= number <= 65535:
        return None
    return LanAddress(literal, number)


def lan_host(text: str) -> str | None:
    """The canonical form of a LAN IP address, or None."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        # A listener on `::` sees IPv4 devices in this form.
        address = address.ipv4_mapped or address
    return str(address) if any(address in network for network in _LAN) else None


def _split(text: str) -> tuple[str, str]:
    default = str(_HTTP_PORT)
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":") or default
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, default
