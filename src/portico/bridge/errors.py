"""What can go wrong in the home, as the rest of the bridge sees it."""

from __future__ import annotations

from typing import ClassVar


class BridgeError(Exception):
    """The bridge cannot start or go on; ``exit_code`` is the program's."""

    exit_code: ClassVar[int] = 1


class BadUsage(BridgeError):
    """The settings do not make sense; nothing was tried."""

    exit_code = 2


class TokenRefused(BridgeError):
    """The server does not know this enrolment token, or it is spent or expired."""

    exit_code = 3


class DataInUse(BridgeError):
    """Another bridge runs on the same data directory."""

    exit_code = 4


class StoreFull(Exception):
    """The disk or the queue takes nothing more; nothing was written."""


class DiskFull(StoreFull):
    """The disk, not our own limit: it is full, failing or read-only."""


class OpeningFailed(Exception):
    """An order was not seen to be carried out; ``reason`` is a code of the contract.

    ``denied`` tells a device's no from a failure to hear it.
    """

    def __init__(self, reason: str, *, denied: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.denied = denied
