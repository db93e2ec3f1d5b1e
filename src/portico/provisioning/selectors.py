"""Provisioning files as the gateway serves and the pages show them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet

from portico.accounts.models import User
from portico.devices.enums import DeviceKind, SipTransport
from portico.devices.models import Device, DeviceSecrets
from portico.devices.selectors import (
    devices_of_site,
    secrets_by_file_digests,
    visible_devices,
)
from portico.kernel.errors import NotVisible
from portico.kernel.mac import mac_part
from portico.protocols.akuvox.contacts import Contact
from portico.provisioning.enums import AutopKind, AutopState
from portico.provisioning.models import (
    AutopItem,
    AutopOrder,
    ProvisioningFile,
    SettingsCheck,
    WebPassword,
)
from portico.sites.selectors import people_of
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.selectors import organization_of


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
    return {
        digest: _served(owner, files)
        for owner in owners
        for digest in (owner.file_digest, owner.old_file_digest)
        if digest is not None and digest in digests
    }


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


def sip_transports() -> list[SipTransport]:
    """How units may talk to this installation's SIP server."""
    return [SipTransport(one) for one in settings.ENVIRONMENT.sip_spoken]


def address_of(device: Device) -> str:
    """What is entered in the unit as its provisioning address. It holds a secret."""
    return f"{settings.ENVIRONMENT.devices_base}/p/{device.secrets.file_secret}/"


def check_of(device: Device) -> SettingsCheck | None:
    """What a unit that the caller has been shown has last said of its settings."""
    checks = SettingsCheck.objects.filter(device=device, checked_at__isnull=False)
    return checks.first()


def web_password_of(device: Device) -> WebPassword | None:
    """The web password that was last issued for a device that the caller has been shown."""
    return WebPassword.objects.filter(device=device).first()


# AutoP commands.

_IN_FILE = Q(kind=AutopKind.ONE_TIME, state=AutopState.QUEUED) | Q(
    kind=AutopKind.REGULAR, state__in=(AutopState.QUEUED, AutopState.FETCHED)
)


def live_items(device_ids: Collection[int]) -> QuerySet[AutopItem]:
    """The commands that stand in the files of these devices now, oldest first."""
    items = AutopItem.objects.filter(_IN_FILE, device__in=device_ids)
    items = items.select_related("order", "device")
    return items.order_by("order__created_at", "order_id", "pk")


def has_queued(device_id: int) -> bool:
    """Whether the device is still to fetch commands that stand in its file."""
    return AutopItem.objects.filter(device=device_id, state=AutopState.QUEUED).exists()


def visible_items(actor: User) -> QuerySet[AutopItem]:
    """What became of orders at the devices that ``actor`` may manage."""
    devices = visible_devices(actor).order_by().values("pk")
    rows = AutopItem.objects.filter(device__in=devices)
    return rows.select_related("order", "device__site", "device__presence")


def visible_orders(actor: User) -> QuerySet[AutopOrder]:
    """The orders to devices that ``actor`` may manage, newest first."""
    company = organization_of(actor, OrganizationKind.INSTALLER)
    rows = AutopOrder.objects.filter(organization=company)
    mine = visible_items(actor).order_by().values("order")
    return rows.filter(pk__in=mine).order_by("-created_at", "-pk")


def get_visible_order(actor: User, order_id: uuid.UUID) -> AutopOrder:
    """One of :func:`visible_orders`. :raises NotVisible: it is none of them."""
    order = visible_orders(actor).filter(pk=order_id).first()
    if order is None:
        raise NotVisible
    return order


def items_of(actor: User, order: AutopOrder) -> QuerySet[AutopItem]:
    """What became of ``order`` at each device that ``actor`` may manage, by name."""
    rows = visible_items(actor).filter(order=order)
    return rows.order_by("device__name", "pk")


def search_items(
    items: QuerySet[AutopItem], *, text: str, state: str
) -> QuerySet[AutopItem]:
    """Narrow by device, site or MAC, and by what became of it."""
    if text:
        found = Q(device__name__icontains=text) | Q(
            device__site__room_name__icontains=text
        )
        if bare := mac_part(text):
            found |= Q(device__mac__contains=bare)
        items = items.filter(found)
    return items.filter(state=state) if state else items


def item_counts(
    actor: User, order_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, dict[str, int]]:
    """How many of each order's devices are in which state."""
    rows = visible_items(actor).filter(order__in=order_ids).order_by()
    found: dict[uuid.UUID, dict[str, int]] = {}
    counted = rows.values_list("order", "state").annotate(count=Count("pk"))
    for order_id, state, count in counted:
        found.setdefault(order_id, {})[state] = count
    return found


def items_at(device: Device) -> QuerySet[AutopItem]:
    """What was sent to a device that the caller has been shown, newest first."""
    rows = AutopItem.objects.filter(device=device).select_related("order")
    return rows.order_by("-order__created_at", "-pk")
