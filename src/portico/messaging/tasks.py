from __future__ import annotations

import uuid

from portico.kernel.clock import utcnow
from portico.kernel.queue import job
from portico.messaging.services.sending import SEND, send_batch


@job(SEND)
def send(message_id: str) -> None:
    while send_batch(message_id=uuid.UUID(message_id), now=utcnow()):
        pass
