"""Provisioning files as the gateway serves and the pages show them."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import F, QuerySet

from portico.devices.models import Device
from portico.devices.selectors import secrets_by_file_digest
from portico.provisioning.models import ProvisioningFile


@dataclass(frozen=True, slots=True)
class ServedFile:
    """What the gateway needs to serve one device's address."""

    device_id: int
    mac: str
    body: bytes | None
    etag: str
    revision: str


def served_file(digest: str) -> ServedFile | None:
    """The file behind a provisioning address; its body is None until first published."""
    secrets = secrets_by_file_digest(digest)
    if secrets is None:
        return None
    file = ProvisioningFile.objects.filter(device=secrets.device).first()
    return ServedFile(
        device_id=secrets.device_id,
        mac=secrets.device.mac,
        body=file.body.encode() if file else None,
        etag=file.etag if file else "",
        revision=file.revision if file else "",
    )


def file_of(device: Device) -> ProvisioningFile | None:
    """The file of a device that the caller has been shown."""
    return ProvisioningFile.objects.filter(device=device).first()


def with_files(devices: QuerySet[Device]) -> QuerySet[Device]:
    """``devices`` with what is known of their files, without the sealed texts."""
    return devices.select_related("provisioning_file").defer("provisioning_file__body")


def drifting(devices: QuerySet[Device]) -> QuerySet[Device]:
    """Those of ``devices`` that were seen and do not run the settings that are saved."""
    return devices.filter(
        presence__isnull=False, provisioning_file__isnull=False
    ).exclude(provisioning_file__applied_revision=F("provisioning_file__revision"))


def address_of(device: Device) -> str:
    """What is entered in the unit as its provisioning address. It holds a secret."""
    return f"{settings.ENVIRONMENT.devices_base}/p/{device.secrets.file_secret}/"
