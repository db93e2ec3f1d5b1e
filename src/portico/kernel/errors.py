"""Errors the domain raises and every edge knows how to render."""

from __future__ import annotations

from typing import ClassVar


class DomainError(Exception):
    """An anticipated failure: has a stable code, a status and a translatable message.

    ``field`` names the form field that the message belongs to, if there is one.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    field: str = ""

    def __init__(self, message: object = "", *, field: str = "") -> None:
        super().__init__(str(message) or self.code)
        self.field = field or self.field


class NotVisible(DomainError):
    """The object does not exist for this actor; never say which of the two it is."""

    code = "not_found"
    status = 404


class NotPermitted(DomainError):
    code = "forbidden"
    status = 403


class ChangedMeanwhile(DomainError):
    """Somebody else has saved the record since it was shown."""

    code = "changed_meanwhile"
    status = 409


class FileRefused(DomainError):
    """An uploaded file is too large, not of a kind that is read, or not in order."""

    code = "file_refused"
    status = 422
    field = "file"
