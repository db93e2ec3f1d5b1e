from __future__ import annotations

from portico.kernel.errors import DomainError


class BadTempKey(DomainError):
    code = "bad_temp_key"
    status = 422


class BadCredential(DomainError):
    """A PIN, card or the like that cannot be; ``field`` says which part."""

    code = "bad_credential"
    status = 422


class TakenValue(DomainError):
    """Somebody of this house has it already; whose it is, is not said."""

    code = "value_taken"
    status = 409


class BadSchedule(DomainError):
    code = "bad_schedule"
    status = 422


class ScheduleInUse(DomainError):
    code = "schedule_in_use"
    status = 409
