from __future__ import annotations

from django.conf import settings
from django.db import models

from portico.devices.models import Device
from portico.kernel.ids import new_id
from portico.messaging.enums import MessageState, ReceiptState, Receivers
from portico.messaging.words import MOST_TITLE, filled
from portico.sites.models import Resident, Site
from portico.tenancy.models import Organization


class MessageTemplate(models.Model):
    """Words that a company sends again and again."""

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="message_templates"
    )
    title = models.CharField(max_length=MOST_TITLE)
    text = models.TextField()
    changed_at = models.DateTimeField()
    # Counts changes, so that of two who edit the same record the second is told.
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "title"], name="messaging_template_titles"
            )
        ]

    def __str__(self) -> str:
        return self.title


class Message(models.Model):
    """What an installer tells residents and indoor monitors.

    Title and text hold the placeholders; who reads it sees his own name and house.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="messages"
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    author_name = models.CharField(max_length=255)
    # A sub-installer's goes to the sites that are assigned to him when it is sent.
    is_of_company = models.BooleanField()
    # Of the form that it was written in: a form writes one message.
    token = models.UUIDField()
    title = models.CharField(max_length=MOST_TITLE)
    text = models.TextField()
    receivers = models.CharField(max_length=7, choices=Receivers.choices)
    to_apps = models.BooleanField()
    to_monitors = models.BooleanField()
    sites = models.ManyToManyField(Site, related_name="+")
    resident = models.ForeignKey(Resident, models.SET_NULL, null=True, related_name="+")
    state = models.CharField(
        max_length=15, choices=MessageState.choices, default=MessageState.SCHEDULED
    )
    send_at = models.DateTimeField()
    created_at = models.DateTimeField()
    # Counts changes, so that of two who edit the same record the second is told.
    version = models.PositiveIntegerField(default=1)
    # Receivers are those who are there at this moment.
    sending_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    # How far sending has come, by the receivers' numbers.
    last_resident = models.BigIntegerField(default=0)
    last_device = models.BigIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["organization", "-send_at", "-id"])]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "token"], name="messaging_form_writes_once"
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_scheduled(self) -> bool:
        return self.state == MessageState.SCHEDULED


class Receipt(models.Model):
    """One receiver of a message: a resident's app, or an indoor monitor.

    An app's is sent when it lies in the inbox; a monitor's when it first went out.
    """

    message = models.ForeignKey(
        Message, models.CASCADE, related_name="receipts", db_index=False
    )
    site = models.ForeignKey(Site, models.CASCADE, related_name="+")
    resident = models.ForeignKey(
        Resident, models.CASCADE, null=True, related_name="receipts"
    )
    device = models.ForeignKey(Device, models.CASCADE, null=True, related_name="+")
    # As the receiver and the house were called when it was sent.
    name = models.CharField(max_length=127)
    house = models.CharField(max_length=127)
    # Of a monitor: what it is called, for the installer.
    device_name = models.CharField(max_length=63, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    # Of a monitor's: when a gateway may try, next or again; none: it is done with.
    due_at = models.DateTimeField(null=True)
    # Of the gateway that tries now; without one it may be tried before it is due.
    claim = models.CharField(max_length=31, blank=True)
    given_up_at = models.DateTimeField(null=True)
    # The SIP status that a monitor refused it with.
    refusal = models.PositiveSmallIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(due_at__isnull=False),
                name="messaging_due",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["message", "resident"], name="messaging_one_for_each_resident"
            ),
            models.UniqueConstraint(
                fields=["message", "device"], name="messaging_one_for_each_monitor"
            ),
            models.CheckConstraint(
                condition=models.Q(resident__isnull=False, device__isnull=True)
                | models.Q(resident__isnull=True, device__isnull=False),
                name="messaging_app_or_monitor",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} for {self.name}"

    @property
    def is_app(self) -> bool:
        return self.device_id is None

    @property
    def state(self) -> ReceiptState:
        if self.read_at is not None:
            return ReceiptState.READ
        if self.delivered_at is not None:
            return ReceiptState.DELIVERED
        if self.given_up_at is not None:
            return ReceiptState.GIVEN_UP
        return ReceiptState.WAITING if self.sent_at is None else ReceiptState.SENT

    @property
    def title(self) -> str:
        """The title as this receiver reads it."""
        return filled(self.message.title, name=self.name, house=self.house)

    @property
    def text(self) -> str:
        """The text as this receiver reads it."""
        return filled(self.message.text, name=self.name, house=self.house)
