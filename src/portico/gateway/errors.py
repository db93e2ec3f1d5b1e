"""What the apps can say to the gateway besides an answer."""

from __future__ import annotations

from portico.kernel.errors import DomainError


class StoreFailed(Exception):
    """The database did not take it: full disk, locked, gone."""


class Refused(Exception):
    """The domain said no, with a code and a status for HTTP."""

    def __init__(self, error: DomainError) -> None:
        super().__init__(str(error))
        self.code, self.status = error.code, error.status
