"""A TCP port that stays the unit's own while the unit does not listen on it."""

from __future__ import annotations

import errno
import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_BACKLOG: Final = 64


class ReservedPort:
    """Keeps a port bound, so that a rebooting unit finds it again.

    A bound socket that does not listen refuses connections like a unit that is away,
    and Linux lets a second socket bind beside it when both set SO_REUSEADDR.
    """

    def __init__(self, wanted: int = 0) -> None:
        try:
            self._holder = _bound(wanted)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not wanted:
                raise
            self._holder = _bound(0)
        self.number: int = self._holder.getsockname()[1]

    def listen(self) -> socket.socket:
        """A listening socket on the port; the caller closes it."""
        listener = _bound(self.number)
        listener.listen(_BACKLOG)
        return listener

    def close(self) -> None:
        self._holder.close()


def _bound(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((LOOPBACK, port))
        made.setblocking(False)  # noqa: FBT003 - the socket API
    except OSError:
        made.close()
        raise
    return made
