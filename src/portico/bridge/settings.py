"""What the bridge is told on its command line."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from portico.bridge.errors import BadUsage
from portico.bridge.pnp import PnpSettings

_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked by :meth:`check`; ``lan_url`` empty: find out."""

    server: str
    data: Path
    listen: tuple[str, int]
    name: str
    lan_url: str = ""
    ca: Path | None = None
    token: str = field(default="", repr=False)
    is_insecure_allowed: bool = False
    # None: units are not told their address.
    pnp: PnpSettings | None = None

    def check(self) -> None:
        """:raises BadUsage: an address that must not be used."""
        self._check_pnp()
        parts = urlsplit(self.server)
        if parts.scheme not in _PORTS or not parts.hostname or parts.query:
            raise BadUsage("--server must be https://host[:port][/path]")
        if parts.username or parts.password:
            raise BadUsage("--server must not hold a user or password")
        if (
            parts.scheme == "http"
            and not self.is_insecure_allowed
            and not _is_loopback(parts.hostname)
        ):
            raise BadUsage(
                "plain http would show guests' codes and device passwords to the"
                " network; use https, or --insecure-http if a tunnel protects it"
            )

    def _check_pnp(self) -> None:
        if self.pnp is None:
            return
        try:
            ipaddress.IPv4Address(self.pnp.address[0])
            ipaddress.IPv4Address(self.pnp.interface)
        except ValueError:
            raise BadUsage(
                "--pnp and --pnp-interface take IPv4 addresses, not names"
            ) from None

    def address(self, path: str, *, websocket: bool = False) -> str:
        base = self.server.rstrip("/")
        if websocket:
            base = "ws" + base.removeprefix("http")
        return base + path

    def tls(self) -> ssl.SSLContext:
        """Certificates are always checked, against ``--ca`` if there is one.

        :raises BadUsage: the file is no certificate.
        """
        try:
            return ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise BadUsage(f"--ca {self.ca}: {error}") from error

    def lan_base(self, bound: tuple[str, int]) -> str | None:
        """The listener's address as devices reach it; None if that cannot be told."""
        if self.lan_url:
            return self.lan_url.rstrip("/")
        host, port = bound
        if ipaddress.ip_address(host).is_unspecified:
            host = self._source_address() or ""
        if not host:
            return None
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def _source_address(self) -> str | None:
        """Our own address on the way to the server: nearly always the LAN's."""
        parts = urlsplit(self.server)
        port = parts.port or _PORTS[parts.scheme]
        try:
            # Connecting UDP sends nothing; it only asks the routing table.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.connect((parts.hostname, port))
                return str(probe.getsockname()[0])
        except OSError:
            return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
