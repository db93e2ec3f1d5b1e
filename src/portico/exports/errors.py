from __future__ import annotations

from typing import ClassVar

from portico.kernel.errors import DomainError


class TooManyExports(DomainError):
    """Somebody waits for so many files already that another would be in the way."""

    code: ClassVar[str] = "too_many_exports"
    status: ClassVar[int] = 409
