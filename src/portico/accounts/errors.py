from __future__ import annotations

from portico.kernel.errors import DomainError


class SignInRefused(DomainError):
    """Unknown account, wrong password or code, disabled: never say which."""

    code = "sign_in_refused"
    status = 401


class TooManyTries(DomainError):
    code = "too_many_tries"
    status = 429


class LinkSpent(DomainError):
    """The link was used, has expired, or never existed."""

    code = "link_spent"
    status = 410


class WeakPassword(DomainError):
    code = "weak_password"
    status = 422
    field = "password"


class WrongPassword(DomainError):
    """Whoever wants to change the password does not know the current one."""

    code = "wrong_password"
    status = 422
    field = "current"


class AccountTaken(DomainError):
    """The email or mobile number already belongs to an account."""

    code = "account_taken"
    status = 409


class CodeRefused(DomainError):
    """The code is wrong, was used, has expired, or was tried too often."""

    code = "code_refused"
    status = 422
    field = "code"


class NoMailbox(DomainError):
    """The account has no email that something could be sent to."""

    code = "no_mailbox"
    status = 409


class HasPassword(DomainError):
    """The account has a password, so that nobody else may order a link to set one."""

    code = "has_password"
    status = 409


class OrderedByOthers(DomainError):
    """Those above the account have switched it on; the account cannot switch it off."""

    code = "ordered_by_others"
    status = 409
