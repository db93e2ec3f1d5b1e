from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from portico.devices.enums import (
    DeviceKind,
    ExternalRelayMode,
    ExternalRelayType,
    SipTransport,
)
from portico.kernel.fields import SealedTextField
from portico.kernel.mac import pretty_mac
from portico.sites.models import SipAccount, Site
from portico.tenancy.models import Organization


class Device(models.Model):
    """One door phone, access terminal or indoor monitor, known by its MAC."""

    mac = models.CharField(_("MAC"), max_length=12, unique=True)
    site = models.ForeignKey(Site, models.CASCADE, related_name="devices")
    # The site's, once more: the order of lists over many sites needs it here.
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=15, choices=DeviceKind.choices)
    name = models.CharField(_("device name"), max_length=63)
    # A key of the model catalogue; empty until the library or the unit itself tells.
    model = models.CharField(max_length=15, blank=True)
    # What the unit calls itself, when the catalogue does not know that name.
    reported_model = models.CharField(max_length=31, blank=True)
    firmware = models.CharField(max_length=31, blank=True)
    monitor_in_app = models.BooleanField(default=True)
    monitor_on_monitors = models.BooleanField(default=True)
    has_internet = models.BooleanField(default=True)
    # One of those that record for Video Storage (SITE-3).
    stores_video = models.BooleanField(default=False)
    ip_address = models.GenericIPAddressField(protocol="IPv4", null=True)
    sip = models.OneToOneField(SipAccount, models.PROTECT, related_name="device")
    sip_transport = models.CharField(
        max_length=3, choices=SipTransport.choices, default=SipTransport.UDP
    )
    # Of indoor monitors (DEV-4): its own relay is one of ``relays``, if it is in use.
    can_arm = models.BooleanField(default=False)
    # The board that it drives; empty: none.
    external_type = models.CharField(
        max_length=7, choices=ExternalRelayType.choices, blank=True
    )
    external_mode = models.CharField(
        max_length=8, choices=ExternalRelayMode.choices, blank=True
    )
    external_address = models.GenericIPAddressField(protocol="IPv4", null=True)
    external_port = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()
    # Counted up with every change of what the form holds: of two who edit at once the
    # second is told.
    version = models.PositiveIntegerField(default=1)

    class Meta:
        indexes = [
            models.Index(fields=["site", "name", "id"]),
            models.Index(
                fields=["organization", "name", "id"], name="devices_by_company"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["site", "ip_address"], name="devices_ip_once_per_site"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({pretty_mac(self.mac)})"

    @property
    def pretty_mac(self) -> str:
        return pretty_mac(self.mac)


class DeviceSecrets(models.Model):
    """The credentials of one unit, each for one use and none shared.

    ``file_*`` stands in the address of its provisioning files, ``event_*`` in that of its
    action URLs; ``api_*`` opens its local HTTP API, ``open_*`` its "open relay via HTTP".
    """

    device = models.OneToOneField(
        Device, models.CASCADE, primary_key=True, related_name="secrets"
    )
    file_secret = SealedTextField()
    file_digest = models.CharField(max_length=64, unique=True)
    event_secret = SealedTextField()
    event_digest = models.CharField(max_length=64, unique=True)
    # Those of before a rotation, which the unit may still use; empty: none.
    old_file_digest = models.CharField(max_length=64, null=True, unique=True)
    old_event_secret = SealedTextField(blank=True)
    old_event_digest = models.CharField(max_length=64, null=True, unique=True)
    rotated_at = models.DateTimeField(null=True)
    api_user = models.CharField(max_length=31)
    api_password = SealedTextField()
    open_user = models.CharField(max_length=31)
    open_password = SealedTextField()
    rtsp_user = models.CharField(max_length=31)
    rtsp_password = SealedTextField()

    def __str__(self) -> str:
        return f"secrets of {self.device_id}"
