"""How an image comes to a unit: what the gateway and the bridges ask and report.

The point of no return is one conditional move from ``downloading`` to ``installing``:
before a bridge orders the unit to write, and before the last part of an image leaves for
a unit that fetches it itself.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import QuerySet

from portico.devices.enums import CommandKind
from portico.devices.selectors.commands import commands_for
from portico.firmware.enums import UpgradeState, Way, Why
from portico.firmware.models import Artifact, DeviceUpgrade
from portico.firmware.rules import unfit
from portico.firmware.services.moving import move
from portico.firmware.services.retrying import came_to_nothing
from portico.protocols.bridge.firmware import (
    FirmwareReport,
    ReportState,
    Verdict,
)

# From the offer on; a bridge that is slower begins anew.
FETCH_WITHIN: Final = timedelta(hours=2)
# From the last sign of the download on.
DOWNLOAD_SILENCE: Final = timedelta(minutes=15)
# From the point of no return until the unit is heard of with another version. Units take
# five to ten minutes; the Android ones longer.
INSTALL_WITHIN: Final = timedelta(minutes=30)
_SALT: Final = "firmware.image"
_ON_ITS_WAY: Final = (UpgradeState.OFFERED, UpgradeState.DOWNLOADING)
# A unit that fetches it by itself may have lost the last part on its way.
_FETCHABLE: Final = (*_ON_ITS_WAY, UpgradeState.INSTALLING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What is sent, and to whom.

    ``file`` is its name in the storage. ``attempt`` tells one offer from the next.
    """

    file: str
    name: str
    size: int
    sha256: str
    md5: str
    version: str
    upgrade_id: int
    attempt: int
    site_id: uuid.UUID
    by_bridge: bool


def order_data(*, device_id: int, command_id: uuid.UUID) -> dict[str, Any]:
    """What the order to the bridge says besides; empty: it was taken back."""
    upgrade = _flying().filter(device=device_id, command_id=command_id).first()
    if upgrade is None or upgrade.state not in _ON_ITS_WAY or not _fits(upgrade):
        return {}
    artifact = upgrade.campaign.version.artifact
    return {
        "version": upgrade.campaign.version.version,
        "name": artifact.name,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "md5": artifact.md5,
        "save": upgrade.campaign.reset_after,
    }


def image_address(upgrade: DeviceUpgrade, *, until: datetime) -> str:
    """Where the unit itself fetches its image until then."""
    claim = f"{upgrade.pk:x}-{upgrade.attempt:x}-{int(until.timestamp()):x}"
    name = re.sub(r"[^A-Za-z0-9._-]", "_", upgrade.campaign.version.artifact.name)
    token = signing.Signer(salt=_SALT, sep=".").sign(claim)
    return f"{settings.ENVIRONMENT.devices_base}/i/{token}/{name}"


def image_for_token(*, token: str, now: datetime) -> Image | None:
    """What the address was made for; None: wrong, too late, or taken back."""
    try:
        claim = signing.Signer(salt=_SALT, sep=".").unsign(token)
    except signing.BadSignature:
        return None
    pk, attempt, until = (int(part, 16) for part in claim.split("-"))
    if now.timestamp() >= until:
        return None
    rows = _flying().filter(pk=pk, attempt=attempt, way=Way.AUTOP)
    return _image(rows.first(), by_bridge=False)


def image_for_bridge(
    *, bridge_id: uuid.UUID, command_id: uuid.UUID, now: datetime
) -> Image | None:
    """What an order of this bridge is about; None: no such order, or taken back."""
    upgrade = _of_order(bridge_id, command_id, now)
    return _image(upgrade, by_bridge=True)


def _image(upgrade: DeviceUpgrade | None, *, by_bridge: bool) -> Image | None:
    states = _ON_ITS_WAY if by_bridge else _FETCHABLE
    if (
        upgrade is None
        or upgrade.device is None
        or upgrade.state not in states
        or not _fits(upgrade)
    ):
        return None
    artifact: Artifact = upgrade.campaign.version.artifact
    return Image(
        file=artifact.file,
        name=artifact.name,
        size=artifact.size,
        sha256=artifact.sha256,
        md5=artifact.md5,
        version=upgrade.campaign.version.version,
        upgrade_id=upgrade.pk,
        attempt=upgrade.attempt,
        site_id=upgrade.device.site_id,
        by_bridge=by_bridge,
    )


def _fits(upgrade: DeviceUpgrade) -> bool:
    """Whether its unit is the one that it was offered to, and may still have the version.

    Between the offer and the last part of the image are hours: somebody may have put
    another unit in its place, or a newer version on it, or marked this one as bad.
    """
    device, campaign = upgrade.device, upgrade.campaign
    if device is None or device.mac != upgrade.device_mac or campaign.version.known_bad:
        return False
    told = unfit(
        model=device.model,
        firmware=device.firmware,
        for_model=campaign.version.model,
        version=campaign.version.version,
        allow_downgrade=campaign.allow_downgrade,
        loses_way=False,
    )
    return told is None


@transaction.atomic
def note_begun(*, upgrade_id: int, attempt: int, now: datetime) -> bool:
    """The first byte is about to leave; False: it was taken back, nothing may."""
    upgrade = DeviceUpgrade.objects.filter(pk=upgrade_id, attempt=attempt).first()
    if upgrade is None or upgrade.state not in _FETCHABLE:
        return False
    return upgrade.state != UpgradeState.OFFERED or _download(upgrade, now)


def _download(upgrade: DeviceUpgrade, now: datetime) -> bool:
    until = now + DOWNLOAD_SILENCE
    moved = move(
        [upgrade],
        UpgradeState.DOWNLOADING,
        now=now,
        deadline_at=until,
        next_at=until,
    )
    return bool(moved) or _is_now(upgrade, UpgradeState.DOWNLOADING)


def _is_now(upgrade: DeviceUpgrade, *states: UpgradeState) -> bool:
    """Whether somebody else has brought this offer there just now.

    A bridge says that it begins, and asks for the image, at the same moment.
    """
    rows = DeviceUpgrade.objects.filter(
        pk=upgrade.pk, attempt=upgrade.attempt, state__in=states
    )
    return rows.exists()


def note_sent(*, upgrade_id: int, attempt: int, sent: int, now: datetime) -> bool:
    """So much of the image has left by now; False: it was taken back."""
    until = now + DOWNLOAD_SILENCE
    rows = DeviceUpgrade.objects.filter(
        pk=upgrade_id, attempt=attempt, state=UpgradeState.DOWNLOADING
    )
    if rows.update(bytes_sent=sent, deadline_at=until, next_at=until):
        return True
    written = DeviceUpgrade.objects.filter(
        pk=upgrade_id, attempt=attempt, state=UpgradeState.INSTALLING
    )
    return written.exists()


@transaction.atomic
def may_finish(*, upgrade_id: int, attempt: int, now: datetime) -> bool:
    """The last part is about to leave for a unit that writes the image by itself.

    True is the point of no return; False: it was taken back. The last part again, for a
    unit that did not get it, is given while it installs.
    """
    rows = _flying().filter(pk=upgrade_id, attempt=attempt, way=Way.AUTOP)
    upgrade = rows.first()
    if upgrade is None or not _fits(upgrade):
        return False
    if upgrade.state == UpgradeState.DOWNLOADING and _is_time(upgrade, now):
        return _install(upgrade, now)
    return upgrade.state == UpgradeState.INSTALLING


def _is_time(upgrade: DeviceUpgrade, now: datetime) -> bool:
    return upgrade.not_after is None or now < upgrade.not_after


def _install(upgrade: DeviceUpgrade, now: datetime) -> bool:
    size = upgrade.campaign.version.artifact.size
    moved = move(
        [upgrade],
        UpgradeState.INSTALLING,
        now=now,
        bytes_sent=size,
        installing_at=now,
        deadline_at=now + INSTALL_WITHIN,
        next_at=now,
    )
    return bool(moved) or _is_now(upgrade, UpgradeState.INSTALLING)


@transaction.atomic
def verdict(
    *,
    bridge_id: uuid.UUID,
    command_id: uuid.UUID,
    report: FirmwareReport,
    now: datetime,
) -> Verdict:
    """What a bridge says of its order, and whether it may go on.

    Safe to repeat: a bridge that did not hear that it may write asks again.
    """
    upgrade = _of_order(bridge_id, command_id, now)
    if upgrade is None:
        return Verdict.UNKNOWN
    if report.state == ReportState.FAILED:
        _failed(upgrade, report, now)
        return Verdict.STOP
    if upgrade.state == UpgradeState.INSTALLING:
        return Verdict.GO
    may_go = upgrade.state in _ON_ITS_WAY and _fits(upgrade)
    if may_go and report.state == ReportState.DOWNLOADING:
        may_go = _goes_on(upgrade, report.done, now)
    elif may_go:
        may_go = report.state == ReportState.READY and _may_write(upgrade, now)
    return Verdict.GO if may_go else Verdict.STOP


def _goes_on(upgrade: DeviceUpgrade, sent: int, now: datetime) -> bool:
    if upgrade.state == UpgradeState.OFFERED:
        return _download(upgrade, now)
    return note_sent(upgrade_id=upgrade.pk, attempt=upgrade.attempt, sent=sent, now=now)


def _may_write(upgrade: DeviceUpgrade, now: datetime) -> bool:
    is_saved = upgrade.backup or not upgrade.campaign.reset_after
    return bool(is_saved) and _is_time(upgrade, now) and _install(upgrade, now)


def _failed(upgrade: DeviceUpgrade, report: FirmwareReport, now: datetime) -> None:
    reason = report.reason if report.reason in Why.values else Why.REFUSED
    if upgrade.state in _ON_ITS_WAY:
        came_to_nothing(upgrade, Why(reason), now=now)
    elif upgrade.state == UpgradeState.INSTALLING and not report.touched:
        move([upgrade], UpgradeState.ABORTED, reason=reason, now=now)
    # Else it was written: what the unit reports afterwards decides.


@transaction.atomic
def keep_configuration(
    *, bridge_id: uuid.UUID, command_id: uuid.UUID, text: str, now: datetime
) -> bool:
    """Save what a unit was set to before its reset; False: no such order."""
    upgrade = _of_order(bridge_id, command_id, now)
    if upgrade is None or upgrade.state not in _ON_ITS_WAY:
        return False
    upgrade.backup = text
    upgrade.save(update_fields=["backup"])
    return True


def _flying() -> QuerySet[DeviceUpgrade]:
    return DeviceUpgrade.objects.select_related(
        "device", "campaign__version__artifact"
    ).filter(device__isnull=False)


def _of_order(
    bridge_id: uuid.UUID, command_id: uuid.UUID, now: datetime
) -> DeviceUpgrade | None:
    orders = commands_for(bridge_id).filter(
        pk=command_id,
        kind=CommandKind.UPGRADE_FIRMWARE,
        requested_at__gte=now - FETCH_WITHIN,
    )
    if not orders.exclude(sent_at=None).exists():
        return None
    return _flying().filter(command_id=command_id).first()
