from __future__ import annotations

from portico.kernel.errors import DomainError


class WrongParent(DomainError):
    """The sales chain is operator > distributor > sub-distributor > installer."""

    code = "wrong_parent"
    status = 422


class UserNameTaken(DomainError):
    """Another account has this user name."""

    code = "user_name_taken"
    status = 409
    field = "username"


class EmailTaken(DomainError):
    """Another account has this email."""

    code = "email_taken"
    status = 409
    field = "email"


class NotEmpty(DomainError):
    """The company has companies or sites below it, so it cannot be deleted."""

    code = "not_empty"
    status = 409


class LastOwner(DomainError):
    """A company must keep one owner who can sign in."""

    code = "last_owner"
    status = 409


class NoConsent(DomainError):
    """The installer has not granted access, or has withdrawn it."""

    code = "no_consent"
    status = 403
