from __future__ import annotations

from portico.kernel.errors import DomainError


class RemoteUnavailable(DomainError):
    """The device's pages cannot be shown now; the message says why."""

    code = "remote_unavailable"
    status = 409


class NotYours(DomainError):
    """Somebody else has opened the session: his browser alone shows it."""

    code = "not_yours"
    status = 403
