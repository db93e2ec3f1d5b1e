from __future__ import annotations

from portico.kernel.errors import DomainError


class ContactMissing(DomainError):
    """A family master needs an email or a mobile number to sign in with."""

    code = "contact_missing"
    status = 422
    field = "email"


class BadPhone(DomainError):
    code = "bad_phone"
    status = 422
    field = "phone"


class EmailTaken(DomainError):
    code = "email_taken"
    status = 409
    field = "email"


class PhoneTaken(DomainError):
    code = "phone_taken"
    status = 409
    field = "phone"


class NumbersExhausted(DomainError):
    code = "numbers_exhausted"
    status = 503
