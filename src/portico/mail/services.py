"""Order a mail or SMS in the transaction that causes it; deliver it later."""

from __future__ import annotations

from datetime import datetime

from django.core.mail import EmailMessage

from portico.kernel.queue import PermanentError, enqueue
from portico.mail.enums import Channel
from portico.mail.models import OutboundMessage
from portico.mail.ports import sms_transport

DELIVER = "mail.deliver"


def send_sms(*, recipient: str, text: str, now: datetime) -> OutboundMessage:
    """Order an SMS to ``recipient`` (E.164)."""
    return _order(Channel.SMS, recipient, "", text, now)


def send_mail(
    *, recipient: str, subject: str, text: str, now: datetime
) -> OutboundMessage:
    """Order a plain mail to one address."""
    return _order(Channel.EMAIL, recipient, subject, text, now)


def _order(
    channel: Channel, recipient: str, subject: str, body: str, now: datetime
) -> OutboundMessage:
    message = OutboundMessage.objects.create(
        channel=channel,
        recipient=recipient,
        subject=subject,
        body=body,
        created_at=now,
    )
    enqueue(DELIVER, message_id=message.pk)
    return message


def deliver(*, message: OutboundMessage, now: datetime) -> None:
    """Hand ``message`` to its transport and empty its body.

    :raises PermanentError: there is no transport for its channel.
    :raises OSError: the transport did not take it; worth another try.
    """
    if message.delivered_at is not None:
        return
    if message.channel == Channel.EMAIL:
        EmailMessage(
            message.subject,
            message.body,
            to=[message.recipient],
            headers={"Message-ID": f"<portico-{message.pk}@portico.invalid>"},
        ).send()
    else:
        transport = sms_transport()
        if transport is None:
            raise PermanentError("no SMS provider is configured")
        transport(recipient=message.recipient, text=message.body, message_id=message.pk)
    OutboundMessage.objects.filter(pk=message.pk).update(body="", delivered_at=now)
