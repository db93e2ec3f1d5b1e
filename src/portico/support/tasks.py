from __future__ import annotations

import imaplib

import structlog
from django.conf import settings
from prometheus_client import Counter

from portico.kernel.clock import utcnow
from portico.kernel.queue import enqueue, job
from portico.mail.inbox import fetch_mails
from portico.support.services.inbound import take_mail

FETCH = "support.fetch_mail"

log = structlog.get_logger(__name__)
MAILS = Counter("portico_support_mails", "Replies by mail, by outcome", ["outcome"])


def order_fetch() -> None:
    """Look into the support mailbox soon, if this installation has one."""
    if settings.ENVIRONMENT.support_imap_url.get_secret_value():
        enqueue(FETCH, unique_key=FETCH)


@job(FETCH)
def fetch_mail() -> None:
    """A server that is away is no dead letter: the next look comes by itself."""
    url = settings.ENVIRONMENT.support_imap_url.get_secret_value()
    try:
        fetch_mails(url, _take)
    except (OSError, imaplib.IMAP4.error) as error:
        log.warning("support_mailbox_away", error=str(error))


def _take(raw: bytes) -> None:
    outcome = take_mail(raw=raw, now=utcnow())
    MAILS.labels(outcome).inc()
    log.info("support_mail", outcome=outcome)
