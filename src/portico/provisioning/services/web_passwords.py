"""A distributor's one-time password for a device's own web pages (ORG-4, REM-3).

The key is the vendor's ``Config.Settings.WEB_LOGIN.Password``, from exported templates;
not verified on hardware.
"""

from __future__ import annotations

import secrets
import zoneinfo
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.formats import date_format

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.models import Device
from portico.devices.selectors import get_device_below
from portico.devices.services.registration import PUBLISH
from portico.kernel.ids import new_secret
from portico.kernel.queue import enqueue
from portico.kernel.rows import hold
from portico.notices.enums import NoticeKind
from portico.notices.services.telling import notify
from portico.provisioning.models import WebPassword
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.models import Organization
from portico.tenancy.selectors import organization_of

# A unit without a bridge comes for it within the hour.
LIFETIME = timedelta(hours=24)
# Read out on the telephone: nothing that looks or sounds alike.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_LENGTH = 12
BATCH = 200


@transaction.atomic
def issue_web_password(*, actor: User, mac: str, now: datetime) -> tuple[Device, str]:
    """Give a device below ``actor`` a new web password, and return it this once.

    It replaces the device's own and works for 24 hours; then one that nobody knows takes
    its place. An earlier one ends. The installer is told, and it is in his audit log.

    :raises NotVisible: ``actor`` is of no distributor, or the device is not below him.
    """
    home = _distributor(actor)
    device = get_device_below(actor, mac)
    hold(device)
    password = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    until = now + LIFETIME
    WebPassword.objects.update_or_create(
        device=device,
        defaults={
            "password": password,
            "issued_by": str(actor.name or actor)[:127],
            "issued_at": now,
            "expires_at": until,
            "ended_at": None,
        },
    )
    _publish(device.pk)
    _record(actor, device, "issued", {"until": until.isoformat()}, now)
    zone = zoneinfo.ZoneInfo(device.site.organization.time_zone)
    notify(
        organization_id=device.site.organization_id,
        kind=NoticeKind.WEB_PASSWORD,
        params={
            "company": home.name,
            "device": device.name,
            "site": device.site.room_name,
            "until": date_format(until.astimezone(zone), "DATETIME_FORMAT"),
        },
        key=f"web-password:{device.pk}:{now.isoformat()}",
        now=now,
    )
    return device, password


@transaction.atomic
def end_web_password(*, actor: User, mac: str, now: datetime) -> None:
    """End the password of a device below ``actor`` before its time.

    :raises NotVisible: as :func:`issue_web_password`.
    """
    _distributor(actor)
    device = get_device_below(actor, mac)
    if _end(device.pk, now):
        _record(actor, device, "ended", {}, now)


def expire_web_passwords(*, now: datetime) -> None:
    """End the passwords whose time is over."""
    over = WebPassword.objects.filter(ended_at=None, expires_at__lte=now)
    for device_id in list(over.values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            _end(device_id, now)


def _end(device_id: int, now: datetime) -> bool:
    """Put a password that nobody knows in its place; False: that was done before."""
    rows = WebPassword.objects.filter(pk=device_id, ended_at=None)
    ended = rows.update(password=new_secret(), ended_at=now)
    if ended:
        _publish(device_id)
    return bool(ended)


def _publish(device_id: int) -> None:
    enqueue(PUBLISH, unique_key=f"publish:{device_id}", device_id=device_id)


def _distributor(actor: User) -> Organization:
    return organization_of(
        actor, OrganizationKind.DISTRIBUTOR, OrganizationKind.SUB_DISTRIBUTOR
    )


def _record(
    actor: User, device: Device, verb: str, after: dict[str, object], now: datetime
) -> None:
    record(
        actor=actor,
        action=f"web_password.{verb}",
        subject=device,
        organization_id=device.site.organization_id,
        site_id=device.site_id,
        after=after,
        now=now,
    )
