"""Provisioning files as the gateway serves and the pages show them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.db.models import F, QuerySet

from portico.devices.enums import DeviceKind
from portico.devices.models import Device, DeviceSecrets
from portico.devices.selectors import devices_of_site, secrets_by_file_digests
from portico.protocols.akuvox.contacts import Contact
from portico.provisioning.models import ProvisioningFile, WebPassword
from portico.sites.selectors import people_of


@dataclass(frozen=True, slots=True)
class ServedFile:
    """What the gateway needs to serve one device's address."""

    device_id: int
    mac: str
    body: bytes | None
    etag: str
    revision: str
    contacts: bytes
    contacts_etag: str


def served_files(digests: Collection[str]) -> dict[str, ServedFile]:
    """The files behind provisioning addresses, by digest; unknown ones are left out.

    A body is None until the file is first published.
    """
    owners = secrets_by_file_digests(digests)
    files = ProvisioningFile.objects.in_bulk([owner.device_id for owner in owners])
    return {owner.file_digest: _served(owner, files) for owner in owners}


def _served(owner: DeviceSecrets, files: dict[int, ProvisioningFile]) -> ServedFile:
    file = files.get(owner.device_id)
    contacts = file.contacts.encode() if file else b""
    return ServedFile(
        device_id=owner.device_id,
        mac=owner.device.mac,
        body=file.body.encode() if file else None,
        etag=file.etag if file else "",
        revision=file.revision if file else "",
        contacts=contacts,
        contacts_etag=hashlib.sha256(contacts).hexdigest(),
    )


def address_book(device: Device) -> list[Contact]:
    """Whom ``device`` can call: the people of its house, then the other monitors."""
    people = [
        Contact(person.user.name or person.sip.number, person.sip.number)
        for person in people_of(device.site)
    ]
    monitors = devices_of_site(device.site).filter(kind=DeviceKind.INDOOR_MONITOR)
    others = monitors.exclude(pk=device.pk).select_related("sip")
    return [*people, *(Contact(other.name, other.sip.number) for other in others)]


def file_of(device: Device) -> ProvisioningFile | None:
    """The file of a device that the caller has been shown."""
    return ProvisioningFile.objects.filter(device=device).first()


def with_files(devices: QuerySet[Device]) -> QuerySet[Device]:
    """``devices`` with what is known of their files, without the sealed texts."""
    return devices.select_related("provisioning_file").defer(
        "provisioning_file__body", "provisioning_file__contacts"
    )


def drifting(devices: QuerySet[Device]) -> QuerySet[Device]:
    """Those of ``devices`` that were seen and do not run the settings that are saved."""
    return devices.filter(
        presence__isnull=False, provisioning_file__isnull=False
    ).exclude(provisioning_file__applied_revision=F("provisioning_file__revision"))


def address_of(device: Device) -> str:
    """What is entered in the unit as its provisioning address. It holds a secret."""
    return f"{settings.ENVIRONMENT.devices_base}/p/{device.secrets.file_secret}/"


def web_password_of(device: Device) -> WebPassword | None:
    """The web password that was last issued for a device that the caller has been shown."""
    return WebPassword.objects.filter(device=device).first()
