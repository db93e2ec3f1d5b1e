from __future__ import annotations

import uuid
from datetime import timedelta

from portico.exports.services.exporting import RUN, run_export
from portico.kernel.clock import utcnow
from portico.kernel.queue import RetryPolicy, job


# The database's trouble; who waits is told after a quarter of an hour.
@job(RUN, retry=RetryPolicy(attempts=4, first=timedelta(seconds=5)))
def run(export_id: str) -> None:
    run_export(export_id=uuid.UUID(export_id), clock=utcnow)
