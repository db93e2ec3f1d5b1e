"""Credentials, temp keys and schedules."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

from PIL import Image

from portico.access.enums import CredentialKind, ScheduleKind
from portico.access.models import Credential, Schedule, TempKey
from portico.access.photos import read_photo
from portico.access.services.credentials import CredentialData, add_credential
from portico.access.services.schedules import ScheduleData, add_schedule
from portico.access.services.temp_keys import create_temp_key
from portico.accounts.models import User
from portico.devices.enums import AccessMethod
from portico.devices.models import Device
from portico.kernel.clock import utcnow
from portico.sites.models import Resident, Site
from tests.factories.cameras import make_premium


def make_credential(
    resident: Resident,
    installer: User,
    kind: CredentialKind = CredentialKind.PIN,
    value: str = "",
    **fields: Any,
) -> Credential:
    """Something that ``resident`` opens with; a dynamic QR code brings the plan."""
    if kind == CredentialKind.DYNAMIC_QR:
        make_premium(resident.site)
    data = CredentialData(kind=kind, value=value, **fields)
    return add_credential(actor=installer, resident=resident, data=data, now=utcnow())


def picture(
    width: int = 300, height: int = 300, *, kind: str = "JPEG", colour: str = "teal"
) -> bytes:
    """The file that somebody uploads."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, format=kind)
    return file.getvalue()


def make_face(resident: Resident, installer: User, **fields: Any) -> Credential:
    """A face that ``resident`` opens with."""
    photo = read_photo(picture())
    return make_credential(
        resident, installer, CredentialKind.FACE, photo=photo, **fields
    )


def make_key(device: Device, installer: User, **fields: Any) -> TempKey:
    """A visitor's key for all relays of ``device``, for an hour."""
    now = utcnow()
    known: dict[str, Any] = {
        "actor": installer,
        "site": device.site,
        "name": "Visitor",
        "relays": list(device.relays.all()),
        "starts_at": now,
        "ends_at": now + timedelta(hours=1),
        "uses_allowed": 1,
        "now": now,
    }
    return create_temp_key(**known | fields)


def make_dynamic_key(device: Device, installer: User, **fields: Any) -> TempKey:
    """A visitor's key with a dynamic QR code, for all doors of ``device`` that read it;
    it brings the plan."""
    make_premium(device.site)
    relays = [
        one for one in device.relays.all() if AccessMethod.QR in one.access_methods
    ]
    return make_key(device, installer, relays=relays, is_dynamic=True, **fields)


def make_schedule(site: Site, installer: User, **fields: Any) -> Schedule:
    """Every day, all day, unless ``fields`` say otherwise."""
    known = {"name": "Cleaner", "kind": ScheduleKind.DAILY}
    data = ScheduleData(**(known | fields))
    return add_schedule(actor=installer, site=site, data=data, now=utcnow())
