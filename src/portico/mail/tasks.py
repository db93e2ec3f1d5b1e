from __future__ import annotations

from datetime import timedelta

from portico.kernel.clock import utcnow
from portico.kernel.queue import RetryPolicy, job
from portico.mail.models import OutboundMessage
from portico.mail.services import DELIVER, deliver

# Some seven hours: a mail server that is down over night, or one that makes strangers
# wait (greylisting), gets its mails all the same.
_RETRY = RetryPolicy(
    attempts=16, first=timedelta(seconds=10), longest=timedelta(hours=1)
)


@job(DELIVER, retry=_RETRY)
def deliver_message(message_id: int) -> None:
    deliver(message=OutboundMessage.objects.get(pk=message_id), now=utcnow())
