from __future__ import annotations

from portico.kernel.errors import DomainError


class WrongParent(DomainError):
    """The sales chain is operator > distributor > sub-distributor > installer."""

    code = "wrong_parent"
    status = 422
