"""Versions and upgrades for tests."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from portico.accounts.models import User
from portico.devices.models import Device
from portico.firmware.models import Artifact, FirmwareVersion, UpgradeCampaign
from portico.firmware.services.campaigns import PlanData, order_upgrade
from portico.kernel.clock import utcnow
from portico.sites.enums import SiteKind

OLD, NEW = "29.30.10.1", "29.30.10.128"


def make_version(
    version: str = NEW,
    *,
    model: str = "R29",
    content: bytes = b"",
    name: str = "",
    known_bad: str = "",
) -> FirmwareVersion:
    """A release with its image in the storage; R29 takes .zip."""
    body = content or f"PORTICO-FIRMWARE version={version} \n".encode() * 50
    made = FirmwareVersion.objects.create(
        model=model,
        version=version,
        log="What is new.",
        known_bad=known_bad,
        created_by_name="operator",
        created_at=utcnow(),
    )
    Artifact.objects.create(
        version=made,
        file=default_storage.save(f"firmware/{uuid.uuid4().hex}", ContentFile(body)),
        name=name or f"{version}.zip",
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        md5=hashlib.md5(body, usedforsecurity=False).hexdigest(),
    )
    return made


def make_plan(version: FirmwareVersion, **more: Any) -> PlanData:
    known: dict[str, Any] = {
        "version": version,
        "project": SiteKind.SINGLE_FAMILY,
        "token": uuid.uuid4(),
    }
    return PlanData(**(known | more))


def make_campaign(
    installer: User, devices: Iterable[Device], version: FirmwareVersion, **more: Any
) -> UpgradeCampaign:
    """An upgrade of ``devices``, ordered now; ``more`` is what the plan says besides."""
    return order_upgrade(
        actor=installer,
        devices=[device.pk for device in devices],
        plan=make_plan(version, **more),
        now=utcnow(),
    )
