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


class StillInUse(DomainError):
    """The community has devices or a bridge, so it cannot be deleted."""

    code = "still_in_use"
    status = 409


class NotActivated(DomainError):
    """Family members are for houses whose app service runs."""

    code = "not_activated"
    status = 409


class AdditionalAppNeeded(DomainError):
    """The free accounts of the house are used; more of them are sold."""

    code = "additional_app_needed"
    status = 409


class MasterStays(DomainError):
    """A house keeps its family master."""

    code = "master_stays"
    status = 409


class NumbersExhausted(DomainError):
    code = "numbers_exhausted"
    status = 503
