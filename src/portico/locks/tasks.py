from __future__ import annotations

import uuid

from portico.kernel.clock import utcnow
from portico.kernel.queue import RetryPolicy, job
from portico.locks.services import accounts, opening, refreshing


# A second run sends nothing that was sent, and nothing so late.
@job(opening.OPEN, retry=RetryPolicy(attempts=2))
def open_lock(command_id: str) -> None:
    opening.run_open(command_id=uuid.UUID(command_id), clock=utcnow)


@job(accounts.REFRESH)
def refresh(account_id: int) -> None:
    refreshing.refresh(account_id=account_id, clock=utcnow)
