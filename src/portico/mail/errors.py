from __future__ import annotations

from portico.kernel.errors import DomainError


class BadAddress(DomainError):
    """Not one mail address: a line break in it would smuggle in headers."""

    code = "bad_address"
    status = 422
    field = "email"
