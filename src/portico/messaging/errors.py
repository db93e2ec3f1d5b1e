from __future__ import annotations

from portico.kernel.errors import DomainError


class BadTime(DomainError):
    """In the past, or further ahead than anybody plans."""

    code = "bad_time"
    status = 422
    field = "send_at"


class NoWay(DomainError):
    """Neither to the apps nor to the indoor monitors."""

    code = "no_way"
    status = 422
    field = "ways"


class NoSites(DomainError):
    """None is chosen, too many are, or one is not the actor's."""

    code = "no_sites"
    status = 422
    field = "sites"


class NoResident(DomainError):
    """Nobody is chosen, or somebody who is not the actor's."""

    code = "no_resident"
    status = 422
    field = "resident"


class AlreadySent(DomainError):
    """Sending has begun, so that nothing can be changed any more."""

    code = "already_sent"
    status = 409


class FormUsed(DomainError):
    """The form that this comes from has written another message before."""

    code = "form_used"
    status = 409


class TitleTaken(DomainError):
    """Another template of the company has this title."""

    code = "title_taken"
    status = 409
    field = "title"
