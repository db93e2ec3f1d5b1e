from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from portico.devices.models.device import Device
from portico.kernel.fields import SealedTextField
from portico.protocols.rtsp import RtspAddress
from portico.sites.models import Site
from portico.tenancy.models import Organization


class Camera(models.Model):
    """A third-party camera of a house, known by its RTSP address."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="cameras")
    # The site's, once more: the order of lists over many sites needs it here.
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    name = models.CharField(_("device name"), max_length=63)
    # A name or a literal IP address, without brackets.
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    # With its query; empty, or from the slash on.
    path = models.CharField(max_length=255, blank=True)
    user = models.CharField(max_length=127, blank=True)
    password = SealedTextField(blank=True)
    monitor_in_app = models.BooleanField(default=True)
    monitor_on_monitors = models.BooleanField(default=True)
    # Door phones of the same house: their view leads to this camera's.
    linked = models.ManyToManyField(Device, related_name="linked_cameras")
    created_at = models.DateTimeField()
    # Counts changes, so that of two who edit the same record the second is told.
    version = models.PositiveIntegerField(default=1)

    class Meta:
        indexes = [models.Index(fields=["site", "name", "id"])]

    def __str__(self) -> str:
        return self.name

    @property
    def address(self) -> RtspAddress:
        """Where it is, with its credentials; show :attr:`RtspAddress.public` only."""
        return RtspAddress(self.host, self.port, self.path, self.user, self.password)

    @property
    def public_address(self) -> str:
        return self.address.public


class CameraPicture(models.Model):
    """The newest picture of a camera; the older one's file is gone."""

    camera = models.OneToOneField(
        Camera, models.CASCADE, primary_key=True, related_name="picture"
    )
    # In the default file storage; its name tells nothing and is nobody's to guess.
    file = models.CharField(max_length=63)
    size = models.PositiveIntegerField()
    taken_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"picture of {self.camera_id}"
