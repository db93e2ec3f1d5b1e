from __future__ import annotations

from portico.kernel.errors import DomainError, FileRefused


class BadImage(FileRefused):
    """An uploaded image that is not what it should be; nothing of it is kept."""

    code = "bad_image"


class BadPlan(DomainError):
    """An upgrade that cannot be done as it was asked for."""

    code = "bad_plan"
    status = 422


class NotNow(DomainError):
    """The upgrade has gone on meanwhile: what was asked for is no longer possible."""

    code = "not_now"
    status = 409


class InUse(DomainError):
    """Something that upgrades refer to cannot be deleted."""

    code = "in_use"
    status = 409
