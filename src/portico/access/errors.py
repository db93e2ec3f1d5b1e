from __future__ import annotations

from portico.kernel.errors import DomainError


class BadTempKey(DomainError):
    code = "bad_temp_key"
    status = 422
