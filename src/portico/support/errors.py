from __future__ import annotations

from portico.kernel.errors import DomainError


class BadAttachment(DomainError):
    """Too many, too large, or not of a kind that is taken."""

    code = "bad_attachment"
    status = 422
    field = "attachments"


class NothingWritten(DomainError):
    code = "nothing_written"
    status = 422
    field = "text"
