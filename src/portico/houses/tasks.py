from __future__ import annotations

import uuid

from portico.houses.services import importing
from portico.kernel.clock import utcnow
from portico.kernel.queue import job


@job(importing.LOAD)
def load(import_id: str) -> None:
    importing.run_import(import_id=uuid.UUID(import_id), clock=utcnow)
