from __future__ import annotations

from django.db import models

from portico.kernel.fields import SealedTextField
from portico.mail.enums import Channel


class OutboundMessage(models.Model):
    """A mail or SMS that somebody is owed; a job delivers it at least once."""

    channel = models.CharField(max_length=7, choices=Channel.choices)
    # Where an answer goes; empty: to the sender, which nobody reads.
    reply_to = models.CharField(max_length=254, blank=True)
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=255, blank=True)
    # They hold sign-in codes and links until delivery, so they are sealed and then emptied.
    body = SealedTextField(blank=True)
    html = SealedTextField(blank=True)
    # What the picture in the mail holds, for readers to scan; empty: no picture.
    qr = SealedTextField(blank=True, db_default="")
    created_at = models.DateTimeField()
    # A code that has expired is not worth a mail.
    useless_after = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.channel} to {self.recipient}"
