from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from portico.devices.enums import AccessMethod, RelayKind
from portico.devices.models.device import Device


class Relay(models.Model):
    """One door contact of a device; ``number`` counts from 1 within its kind."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="relays")
    kind = models.CharField(
        max_length=15, choices=RelayKind.choices, default=RelayKind.LOCAL
    )
    number = models.PositiveSmallIntegerField()
    name = models.CharField(_("relay name"), max_length=63)
    dtmf_code = models.CharField(_("DTMF code"), max_length=4)
    # Values of AccessMethod.
    access_methods = models.JSONField(default=list)
    hold_seconds = models.PositiveSmallIntegerField(default=5)

    class Meta:
        ordering = ["kind", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "kind", "number"], name="devices_relay_number_once"
            ),
            models.UniqueConstraint(
                fields=["device", "dtmf_code"], name="devices_dtmf_code_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def on_homepage(self) -> bool:
        return AccessMethod.HOMEPAGE in self.access_methods

    @property
    def on_talking_page(self) -> bool:
        return AccessMethod.TALKING_PAGE in self.access_methods

    @property
    def app_id(self) -> str:
        """How clients of the app API name it: "0" for relay A; security "100" up."""
        offset = 99 if self.kind == RelayKind.SECURITY else -1
        return str(self.number + offset)
