"""An installer, his distributor, and as many rows in each of their lists as wanted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.enums import DeviceKind, PresenceVia
from portico.devices.models import Device, MacEntry, Presence
from portico.events.enums import LogKind, Method, Outcome
from portico.events.models import LogEntry, Visit
from portico.kernel.clock import utcnow
from portico.notices.enums import NoticeKind
from portico.notices.models import Notice
from portico.sites.enums import ResidentRole
from portico.sites.models import Resident, SipAccount, Site
from portico.tenancy.models import Organization
from tests.factories import (
    NOTICE_PARAMS,
    make_distributor,
    make_installer,
    organization_of,
)

_CHUNK: Final = 5_000
_FIRST_SIP: Final = 6_000_000_000
# Longer than the rows go back, of which each is a minute older than the one before.
_YEARS: Final = timedelta(days=730)


class ListsWorld:
    """Grows; every row has its number, five digits at least, somewhere in a name."""

    lists: Final = {
        "sites": "installer:sites",
        "devices": "installer:devices",
        "door log": "installer:log",
        "audit log": "installer:audit",
        "notifications": "installer:notifications",
        "MAC library": "distributor:mac_library",
        "sites below": "distributor:sites",
        "devices below": "distributor:devices",
    }

    def __init__(self) -> None:
        self.count = 0
        self.distributor = make_distributor("dana")
        self.installer = make_installer("ida", distributor=self.distributor)
        self._began = utcnow()
        # Who came after a notice is not told of it.
        User.objects.update(created_at=self._began - _YEARS)

    def browser(self, title: str) -> Client:
        """Signed in as the one whose list it is."""
        mine = self.lists[title].startswith("installer:")
        client = Client()
        client.force_login(self.installer if mine else self.distributor)
        return client

    def address(self, title: str) -> str:
        return reverse(self.lists[title])

    def grow(self, count: int) -> None:
        """Until every list has ``count`` rows."""
        for start in range(self.count, count, _CHUNK):
            with transaction.atomic():
                self._add(range(start, min(start + _CHUNK, count)))
        self.count = count
        if connection.vendor == "postgresql":  # which does so by itself, SQLite never
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")

    def _add(self, numbers: range) -> None:
        company = organization_of(self.installer)
        sites = self._add_sites(numbers, company)
        devices = self._add_devices(numbers, sites)
        self._add_log(numbers, devices)
        self._add_words(numbers, company)

    def _moment(self, number: int) -> datetime:
        return self._began - timedelta(minutes=number)

    def _add_sites(self, numbers: range, company: Organization) -> list[Site]:
        sips = self._sip_accounts(numbers, 0)
        sites = Site.objects.bulk_create(
            Site(
                organization=company,
                name=f"Person {number:05}",
                room_name=f"House {number:05}",
                address=f"{number} Long Road",
                time_zone="Europe/Berlin",
                family_sip=sip,
                created_at=self._moment(number),
            )
            for number, sip in zip(numbers, sips, strict=True)
        )
        unusable = make_password(None)
        users = User.objects.bulk_create(
            User(email=f"person{number:05}@example.com", password=unusable)
            for number in numbers
        )
        own = self._sip_accounts(numbers, 1)
        Resident.objects.bulk_create(
            Resident(
                site=site,
                user=user,
                role=ResidentRole.MASTER,
                sip=sip,
                created_at=site.created_at,
            )
            for site, user, sip in zip(sites, users, own, strict=True)
        )
        return sites

    def _add_devices(self, numbers: range, sites: list[Site]) -> list[Device]:
        distributor = organization_of(self.distributor)
        macs = [f"0C11{number:08X}" for number in numbers]
        MacEntry.objects.bulk_create(
            MacEntry(
                mac=mac, distributor=distributor, model="R20A", created_at=self._began
            )
            for mac in macs
        )
        sips = self._sip_accounts(numbers, 2)
        devices = Device.objects.bulk_create(
            Device(
                mac=mac,
                site=site,
                organization_id=site.organization_id,
                kind=DeviceKind.DOOR_PHONE,
                name=f"Door {number:05}",
                model="R20A",
                sip=sip,
                created_at=self._began,
            )
            for number, mac, site, sip in zip(numbers, macs, sites, sips, strict=True)
        )
        Presence.objects.bulk_create(
            Presence(
                device=device,
                is_online=device.pk % 10 != 0,
                last_seen_at=self._began,
                changed_at=self._began,
                via=PresenceVia.BRIDGE,
            )
            for device in devices
        )
        return devices

    def _add_log(self, numbers: range, devices: list[Device]) -> None:
        visits = Visit.objects.bulk_create(
            Visit(
                site_id=device.site_id,
                organization_id=device.organization_id,
                device=device,
                began_at=self._moment(number),
                ended_at=self._moment(number),
            )
            for number, device in zip(numbers, devices, strict=True)
        )
        LogEntry.objects.bulk_create(
            LogEntry(
                site_id=device.site_id,
                organization_id=device.organization_id,
                device=device,
                visit=visit,
                kind=LogKind.DOOR,
                method=Method.PIN,
                outcome=Outcome.GRANTED,
                initiator=f"Visitor {number:05}",
                device_mac=device.mac,
                device_name=device.name,
                relay_number=1,
                relay_name="Door",
                occurred_at=self._moment(number),
                received_at=self._moment(number),
            )
            for number, device, visit in zip(numbers, devices, visits, strict=True)
        )

    def _add_words(self, numbers: range, company: Organization) -> None:
        AuditEntry.objects.bulk_create(
            AuditEntry(
                at=self._moment(number),
                actor_id=self.installer.pk,
                actor_name="ida",
                organization_id=company.pk,
                action="site.edited",
                object_type="site",
                object_id=str(number),
                object_name=f"House {number:05}",
            )
            for number in numbers
        )
        Notice.objects.bulk_create(
            Notice(
                kind=NoticeKind.UPGRADE_FINISHED,
                organization_id=company.pk,
                params=NOTICE_PARAMS | {"name": f"House {number:05}"},
                names=f"House {number:05}",
                key=f"upgrade {number}",
                created_at=self._moment(number),
            )
            for number in numbers
        )

    def _sip_accounts(self, numbers: range, place: int) -> list[SipAccount]:
        return SipAccount.objects.bulk_create(
            SipAccount(number=str(_FIRST_SIP + 3 * number + place), password="-")
            for number in numbers
        )
