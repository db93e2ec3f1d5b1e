"""Order a mail or SMS in the transaction that causes it; deliver it later."""

from __future__ import annotations

import io
import smtplib
from datetime import datetime, timedelta
from email.mime.image import MIMEImage
from urllib.parse import urlsplit

import segno
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email
from django.utils import translation
from django.utils.translation import gettext as _

from portico.kernel.queue import PermanentError, enqueue
from portico.mail.enums import Channel
from portico.mail.errors import BadAddress
from portico.mail.letters import Writer, render_letter
from portico.mail.models import OutboundMessage
from portico.mail.ports import sms_transport

DELIVER = "mail.deliver"
# Long enough to answer "did the mail go out?".
KEPT = timedelta(days=30)
# What a server answers about one mail; a 5xx of these says that no other try will help.
# The rest (no connection, greeting, sign-in, encryption) is about the server, which can
# be mended while the mail waits.
_ABOUT_THE_MAIL = (smtplib.SMTPSenderRefused, smtplib.SMTPDataError)


def send_sms(*, recipient: str, text: str, now: datetime) -> OutboundMessage:
    """Order an SMS to ``recipient`` (E.164)."""
    return _order(
        OutboundMessage(
            channel=Channel.SMS, recipient=recipient, body=text, created_at=now
        )
    )


def send_letter(
    *,
    recipient: str,
    language: str,
    write: Writer,
    now: datetime,
    useless_after: datetime | None = None,
    reply_to: str = "",
) -> OutboundMessage:
    """Order the mail that ``write`` gives in ``language``, to one address.

    After ``useless_after`` it is not delivered any more, but is a dead letter.

    :raises BadAddress: ``recipient`` is not one mail address.
    """
    checked = checked_address(recipient)
    with translation.override(language):
        letter = write()
        text, html = render_letter(letter)
    return _order(
        OutboundMessage(
            channel=Channel.EMAIL,
            recipient=checked,
            reply_to=checked_address(reply_to) if reply_to else "",
            # A name with a line break must not become a header.
            subject=" ".join(letter.subject.split())[:255],
            body=text,
            html=html,
            qr=letter.action.url
            if letter.action and letter.action.is_for_phone
            else "",
            created_at=now,
            useless_after=useless_after,
        )
    )


def checked_address(address: str) -> str:
    """``address``, if it is one mail address and nothing else.

    :raises BadAddress: it is not.
    """
    try:
        validate_email(address)
    except ValidationError:
        raise BadAddress(_("This is not an email address.")) from None
    return address


def _order(message: OutboundMessage) -> OutboundMessage:
    message.save(force_insert=True)
    enqueue(DELIVER, message_id=message.pk)
    return message


def deliver(*, message: OutboundMessage, now: datetime) -> None:
    """Hand ``message`` to its transport and empty its body.

    :raises PermanentError: there is no transport for its channel, it came too late, or
        the mail server refused it for good.
    :raises OSError: the transport did not take it; worth another try.
    """
    if message.delivered_at is not None:
        return
    if message.useless_after is not None and message.useless_after <= now:
        raise PermanentError(f"not delivered before {message.useless_after:%H:%M} UTC")
    if message.channel == Channel.EMAIL:
        _deliver_mail(message)
    else:
        transport = sms_transport()
        if transport is None:
            raise PermanentError("no SMS provider is configured")
        transport(recipient=message.recipient, text=message.body, message_id=message.pk)
    OutboundMessage.objects.filter(pk=message.pk).update(
        body="", html="", qr="", delivered_at=now
    )


class _WithPicture(EmailMultiAlternatives):
    """Its pictures belong to its HTML: nothing is ever fetched."""

    mixed_subtype = "related"


def _deliver_mail(message: OutboundMessage) -> None:
    host = urlsplit(settings.ENVIRONMENT.public_url).hostname or "localhost"
    mail = _WithPicture(
        message.subject,
        message.body,
        to=[message.recipient],
        reply_to=[message.reply_to] if message.reply_to else None,
        headers={
            # The same at every try: a server that took it before can drop it.
            "Message-ID": f"<portico-{message.pk}@{host}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    if message.qr:
        mail.attach(_picture_of(message.qr))
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        _give_up_if_final(error.recipients[message.recipient], error)
        raise
    except _ABOUT_THE_MAIL as error:
        _give_up_if_final((error.smtp_code, error.smtp_error), error)
        raise


def _picture_of(text: str) -> MIMEImage:
    """A code to scan, under the name that the mail's HTML has for it."""
    file = io.BytesIO()
    segno.make(text, error="m", micro=False).save(file, kind="png", scale=6, border=2)
    picture = MIMEImage(file.getvalue(), "png")
    picture.add_header("Content-ID", "<qr>")
    picture.add_header("Content-Disposition", "inline", filename="qr.png")
    return picture


def _give_up_if_final(answer: tuple[int, bytes | str], error: Exception) -> None:
    code, text = answer
    if code >= 500:
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        raise PermanentError(f"the mail server refused it: {code} {words}") from error


def purge_delivered(*, now: datetime) -> None:
    """Delete messages that were delivered long ago."""
    OutboundMessage.objects.filter(delivered_at__lt=now - KEPT).delete()
