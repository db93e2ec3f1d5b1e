from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from portico.devices.models import Device
from portico.kernel.fields import SealedTextField
from portico.provisioning.enums import LIVE, AutopKind, AutopState
from portico.tenancy.models import Organization


class ProvisioningFile(models.Model):
    """What a device gets when it asks for ``<MAC>.cfg``, and what is known of it there.

    Rendered once per change and kept as text, sealed because it holds passwords.
    """

    device = models.OneToOneField(
        Device, models.CASCADE, primary_key=True, related_name="provisioning_file"
    )
    body = SealedTextField()
    # The address book that the body points to; empty for a unit that calls nobody.
    contacts = models.TextField(blank=True, db_default="")
    # Hex SHA-256 of the body, the entity tag.
    etag = models.CharField(max_length=64)
    # Short hash of the settings; action URLs carry it back as proof of what is applied.
    revision = models.CharField(max_length=12)
    published_at = models.DateTimeField()
    fetched_at = models.DateTimeField(null=True)
    fetched_revision = models.CharField(max_length=12, blank=True)
    # Counts the times that it was sent again though nothing in it had changed.
    repeats = models.PositiveIntegerField(default=0)
    applied_at = models.DateTimeField(null=True)
    applied_revision = models.CharField(max_length=12, blank=True)

    def __str__(self) -> str:
        return f"file of {self.device_id}, {self.revision}"

    @property
    def is_fetched(self) -> bool:
        """The device has fetched these settings."""
        return self.fetched_revision == self.revision

    @property
    def is_applied(self) -> bool:
        """The device has reported with these settings."""
        return self.applied_revision == self.revision


class WebPassword(models.Model):
    """The password of a device's own web pages, once a distributor has issued one.

    From then on it stands in the device's file; after its end it is one that nobody knows.
    """

    device = models.OneToOneField(
        Device, models.CASCADE, primary_key=True, related_name="web_password"
    )
    password = SealedTextField()
    issued_by = models.CharField(max_length=127)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=models.Q(ended_at=None),
                name="provisioning_web_passwords",
            )
        ]

    def __str__(self) -> str:
        return f"web password of {self.device_id}"


class AutopOrder(models.Model):
    """AutoP commands that somebody has sent to one device or to many at once (PRV-2, 3)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="autop_orders"
    )
    kind = models.CharField(max_length=8, choices=AutopKind.choices)
    # Checked; sealed because a line may hold a password.
    text = SealedTextField()
    # Regular ones only: what the devices had before ends.
    replaces = models.BooleanField(default=False)
    ordered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    ordered_by_name = models.CharField(max_length=127)
    # The form that it came with: sent twice it is one order.
    token = models.UUIDField(unique=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["organization", "-created_at", "-id"],
                name="provisioning_orders_newest",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} commands of {self.created_at:%F}"


class AutopItem(models.Model):
    """What becomes of an order at one device."""

    order = models.ForeignKey(AutopOrder, models.CASCADE, related_name="items")
    device = models.ForeignKey(Device, models.CASCADE, related_name="autop_items")
    # The order's, once more: files ask for them by device.
    kind = models.CharField(max_length=8, choices=AutopKind.choices)
    state = models.CharField(max_length=10, choices=AutopState.choices)
    # Not in the file before: orders to many go out in waves.
    due_at = models.DateTimeField()
    # The beginnings of the tags of files that hold it, oldest first: whichever of them the
    # device fetches, it has the commands.
    carried_by = models.TextField(blank=True)
    fetched_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "device"], name="provisioning_order_once_per_device"
            )
        ]
        indexes = [
            models.Index(
                fields=["device", "id"],
                condition=models.Q(state__in=LIVE),
                name="provisioning_live_items",
            ),
            models.Index(
                fields=["due_at"],
                condition=models.Q(state=AutopState.WAITING),
                name="provisioning_waiting_items",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} for {self.device_id}: {self.state}"


class SettingsCheck(models.Model):
    """What a unit itself says of the settings in its file, read through the bridge (PRV-5)."""

    device = models.OneToOneField(
        Device, models.CASCADE, primary_key=True, related_name="settings_check"
    )
    # Not asked again before.
    next_at = models.DateTimeField()
    checked_at = models.DateTimeField(null=True)
    # Of the settings that it was compared with.
    revision = models.CharField(max_length=12, blank=True)
    # How many were compared; those that differ, as [key, saved, told]; and those that
    # the unit does not have.
    compared = models.PositiveSmallIntegerField(default=0)
    differing = models.JSONField(default=list)
    lacking = models.JSONField(default=list)

    class Meta:
        indexes = [models.Index(fields=["next_at"], name="provisioning_checks_due")]

    def __str__(self) -> str:
        return f"check of {self.device_id}"
