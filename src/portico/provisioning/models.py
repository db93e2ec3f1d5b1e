from __future__ import annotations

from django.db import models

from portico.devices.models import Device
from portico.kernel.fields import SealedTextField


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
