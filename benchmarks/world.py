"""Many houses, units and bridges, written at once: what a benchmark begins with."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F

from portico.accounts.models import User
from portico.devices.enums import DeviceKind, PresenceVia
from portico.devices.models import Bridge, Device, DeviceSecrets, Presence, Relay
from portico.devices.services.registration import new_secrets
from portico.kernel.clock import utcnow
from portico.kernel.ids import new_secret, secret_digest
from portico.protocols.bridge import signing
from portico.provisioning.models import ProvisioningFile
from portico.provisioning.services.files import publish_file
from portico.sites.models import SipAccount, Site
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.models import Membership
from portico.tenancy.services.organizations import create_organization

UNITS_PER_HOUSE = 4
_MODEL = "R20A"
# Nobody polls these units: they stay online for as long as a benchmark takes.
_NEVER_SILENT = timedelta(hours=2)
_sip_numbers = itertools.count(4_000_000_000)


@dataclass(frozen=True, slots=True)
class Unit:
    """A registered device and the secrets in its addresses."""

    device_id: int
    mac: str
    file_secret: str
    event_secret: str


@dataclass(frozen=True, slots=True)
class Box:
    """An enrolled bridge and its private key."""

    id: UUID
    private: bytes


@transaction.atomic
def make_units(count: int) -> list[Unit]:
    """``count`` door phones, four to a house."""
    now = utcnow()
    sites = _make_sites(-(-count // UNITS_PER_HOUSE))
    devices = Device.objects.bulk_create(
        [
            Device(
                mac=f"0C11{number:08X}",
                site=sites[number // UNITS_PER_HOUSE],
                organization_id=sites[0].organization_id,
                kind=DeviceKind.DOOR_PHONE,
                name=f"Door {number}",
                model=_MODEL,
                sip=sip,
                created_at=now,
            )
            for number, sip in enumerate(_make_sip_accounts(count))
        ]
    )
    Relay.objects.bulk_create(
        Relay(device=each, number=1, name="Door", dtmf_code="#") for each in devices
    )
    secrets = DeviceSecrets.objects.bulk_create(
        [new_secrets(device) for device in devices]
    )
    return [
        Unit(device.pk, device.mac, each.file_secret, each.event_secret)
        for device, each in zip(devices, secrets, strict=True)
    ]


def installer_of_units() -> User:
    """Somebody of the company that all houses are of."""
    site = Site.objects.filter(devices__isnull=False)[:1].get()
    user = User.objects.create_user(f"bench{User.objects.count()}")
    Membership.objects.create(
        user=user, organization=site.organization, role=Role.OWNER
    )
    return user


@transaction.atomic
def publish_files() -> dict[int, str]:
    """Render the file of every device; returns the entity tags by device.

    As if the files had been fetched once: a first fetch orders a reboot, which is another
    matter than the one that is measured.
    """
    now = utcnow()
    ProvisioningFile.objects.bulk_create(
        ProvisioningFile(
            device_id=pk, body="-", revision="-", published_at=now, fetched_at=now
        )
        for pk in Device.objects.values_list("pk", flat=True)
    )
    tags: dict[int, str] = {}
    for device in Device.objects.select_related("site", "secrets", "sip"):
        tags[device.pk] = publish_file(device=device, now=now).etag
    ProvisioningFile.objects.update(fetched_revision=F("revision"))
    return tags


@transaction.atomic
def make_bridges(count: int) -> list[Box]:
    """``count`` enrolled bridges, each in a house of its own."""
    return _make_bridges_in(_make_sites(count))


@transaction.atomic
def make_bridges_of_units() -> list[Box]:
    """One for every house that has units; the units are online."""
    now = utcnow()
    Presence.objects.bulk_create(
        Presence(
            device_id=pk,
            is_online=True,
            last_seen_at=now + _NEVER_SILENT,
            changed_at=now,
            via=PresenceVia.BRIDGE,
        )
        for pk in Device.objects.values_list("pk", flat=True)
    )
    ids = Device.objects.values("site")
    return _make_bridges_in(list(Site.objects.filter(pk__in=ids)))


def _make_bridges_in(sites: Sequence[Site]) -> list[Box]:
    now = utcnow()
    keys = [signing.generate_private_key() for _ in sites]
    rows = Bridge.objects.bulk_create(
        [
            Bridge(
                site=site,
                name="Bridge",
                token_digest=secret_digest(new_secret()),
                token_expires_at=now,
                public_key=signing.to_base64url(signing.public_key(key)),
                enrolled_at=now,
                created_at=now,
            )
            for site, key in zip(sites, keys, strict=True)
        ]
    )
    return [Box(row.pk, key) for row, key in zip(rows, keys, strict=True)]


def _make_sites(count: int) -> list[Site]:
    now = utcnow()
    parent = None
    for kind in ("OPERATOR", "DISTRIBUTOR", "INSTALLER"):
        parent = create_organization(
            actor=None,
            kind=OrganizationKind[kind],
            name=kind.title(),
            parent=parent,
            time_zone="Europe/Berlin",
            now=now,
        )
    assert parent is not None
    return Site.objects.bulk_create(
        [
            Site(
                organization=parent,
                name=f"House {number}",
                room_name=f"House {number}",
                time_zone="Europe/Berlin",
                family_sip=sip,
                created_at=now,
            )
            for number, sip in enumerate(_make_sip_accounts(count))
        ]
    )


def _make_sip_accounts(count: int) -> list[SipAccount]:
    return SipAccount.objects.bulk_create(
        [
            SipAccount(number=str(next(_sip_numbers)), password=new_secret())
            for _ in range(count)
        ]
    )
