from __future__ import annotations

from portico.kernel.clock import utcnow
from portico.kernel.queue import job
from portico.mail.models import OutboundMessage
from portico.mail.services import DELIVER, deliver


@job(DELIVER)
def deliver_message(message_id: int) -> None:
    deliver(message=OutboundMessage.objects.get(pk=message_id), now=utcnow())
