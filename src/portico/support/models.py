from __future__ import annotations

from django.conf import settings
from django.db import models

from portico.support.enums import Side, TicketState
from portico.tenancy.models import Organization


class Ticket(models.Model):
    """What a company asks the one that it buys from."""

    customer = models.ForeignKey(
        Organization, models.CASCADE, related_name="tickets_asked"
    )
    supplier = models.ForeignKey(
        Organization, models.CASCADE, related_name="tickets_received"
    )
    subject = models.CharField(max_length=127)
    state = models.CharField(
        max_length=15, choices=TicketState.choices, default=TicketState.OPEN
    )
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["customer", "-changed_at", "-id"]),
            models.Index(fields=["supplier", "-changed_at", "-id"]),
        ]

    def __str__(self) -> str:
        return self.subject


class TicketMessage(models.Model):
    """One message of a ticket; the author's name is kept as it was."""

    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="messages")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    author_name = models.CharField(max_length=127)
    side = models.CharField(max_length=15, choices=Side.choices)
    text = models.TextField()
    created_at = models.DateTimeField()
    # Of a reply by mail what tells it from all others, so that it is taken once.
    mail_id = models.CharField(max_length=64, null=True, unique=True)

    def __str__(self) -> str:
        return f"{self.author_name} in {self.ticket_id}"


class Attachment(models.Model):
    """A file of a message; ``file`` is its random name in the storage."""

    message = models.ForeignKey(
        TicketMessage, models.CASCADE, related_name="attachments"
    )
    name = models.CharField(max_length=127)
    file = models.CharField(max_length=127)
    size = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.name


class Manual(models.Model):
    """A document that the operator gives to everybody."""

    title = models.CharField(max_length=127)
    # A key of the model catalogue; empty: of no one model.
    model = models.CharField(max_length=15, blank=True)
    language = models.CharField(max_length=7)
    file = models.CharField(max_length=127)
    size = models.PositiveIntegerField()
    uploaded_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["title", "id"])]

    def __str__(self) -> str:
        return self.title
