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


class AccountLinked(DomainError):
    """Email, number and country of an account with linked sites stay (SITE-7)."""

    code = "account_linked"
    status = 409
    field = "email"


class StillInUse(DomainError):
    """The community has devices or a bridge, so it cannot be deleted."""

    code = "still_in_use"
    status = 409


class NotActivated(DomainError):
    """Family members are for houses whose app service runs."""

    code = "not_activated"
    status = 409


class PlanNeeded(DomainError):
    """What was asked for is part of a plan that the house has not, or not any more."""

    code = "plan_needed"
    status = 409


class TrialUsed(DomainError):
    """A house tries a service once."""

    code = "trial_used"
    status = 409
    field = "video_plan"


class StaysOn(DomainError):
    """The smart home cannot be switched off again (SITE-4)."""

    code = "stays_on"
    status = 409
    field = "smart_home"


class BadPeriod(DomainError):
    """Services are granted for 1 to 60 months, or for good."""

    code = "bad_period"
    status = 422
    field = "months"


class MasterStays(DomainError):
    """A house keeps its family master."""

    code = "master_stays"
    status = 409


class NumbersExhausted(DomainError):
    code = "numbers_exhausted"
    status = 503
