"""Third-party cameras: where one is, looked up at the moment it is asked for.

The address is what somebody typed into a form. It may be a name, and what a name means is
not ours to control: the picture is taken from the very address that was checked.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from portico.bridge.errors import OpeningFailed
from portico.bridge.limits import NAME_WITHIN
from portico.protocols import rtsp
from portico.protocols.bridge.envelope import Nonsense, read_camera_picture


@dataclass(frozen=True, slots=True)
class ForeignCamera:
    """One stream, and who may see it."""

    urls: list[str] = field(repr=False)


async def find_camera(data: Mapping[str, Any]) -> ForeignCamera:
    """The camera that the data of a ``camera_picture`` command means.

    :raises OpeningFailed: ``bad_command``, ``unreachable``: no such name, or
        ``refused_address``: it leads to this box itself, or to no machine at all.
    """
    try:
        address = read_camera_picture(data)
    except Nonsense as error:
        raise OpeningFailed("bad_command") from error
    found = await _resolved(address.host, address.port)
    allowed = [host for text in found if (host := rtsp.camera_host(text))]
    if not allowed:
        raise OpeningFailed("refused_address", denied=True)
    return ForeignCamera([replace(address, host=allowed[0]).url])


async def _resolved(host: str, port: int) -> list[str]:
    """:raises OpeningFailed: ``unreachable``."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(NAME_WITHIN):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        raise OpeningFailed("unreachable") from None
    # A zone is of the scope that is refused anyway.
    return [str(place[0]) for *_, place in found]
