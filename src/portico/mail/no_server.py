"""Stands where an installation has not been told its mail server."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from portico.kernel.queue import PermanentError


class NoServerBackend(BaseEmailBackend):
    """Every mail becomes a dead letter, which the operator sees and can send again."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """:raises PermanentError: always, if there is anything to send."""
        if email_messages:
            raise PermanentError("no mail server is configured: set PORTICO_SMTP_URL")
        return 0
