from __future__ import annotations

from portico.kernel.errors import DomainError


class BadCredentials(DomainError):
    """What was entered for an account cannot be right, whatever the vendor says."""

    code = "bad_lock_credentials"
    status = 422


class LockTaken(DomainError):
    """Somebody has given the lock to another house meanwhile."""

    code = "lock_taken"
    status = 409


class LockKeyMismatch(DomainError):
    """The idempotency key was used for another lock."""

    code = "idempotency_mismatch"
    status = 422
