from __future__ import annotations

import uuid

from portico.firmware.services import preparing, pruning
from portico.kernel.clock import utcnow
from portico.kernel.queue import job


@job(preparing.PREPARE)
def prepare(campaign_id: str) -> None:
    preparing.prepare(campaign_id=uuid.UUID(campaign_id), now=utcnow())


@job(pruning.PRUNE)
def prune() -> None:
    pruning.prune_steps(now=utcnow())
