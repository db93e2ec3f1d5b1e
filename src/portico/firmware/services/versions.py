"""Releases of firmware, and what is known of them: the operator's (FW-1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.files.base import File
from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.catalogue import all_models
from portico.firmware.errors import BadImage, InUse
from portico.firmware.models import Artifact, FirmwareVersion
from portico.firmware.services.campaigns import hold_bad
from portico.firmware.services.images import (
    Stored,
    check_image,
    delete_on_commit,
    stored,
)
from portico.kernel.rows import hold
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.models import Organization
from portico.tenancy.selectors import organization_of


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionData:
    """For which model of the catalogue, what units report, and what is new in it."""

    model: str
    version: str
    log: str


def upload_version(
    *, actor: User, data: VersionData, file: File[Any], now: datetime
) -> FirmwareVersion:
    """Give every installer an image for the units of one model.

    :raises BadImage: it is none, is for another model, or is there already.
    :raises NotVisible: ``actor`` does not work for the operator.
    """
    operator = organization_of(actor, OrganizationKind.OPERATOR)
    model = all_models().get(data.model)
    if model is None:
        raise BadImage(_("Choose a model."), field="model")
    check_image(model, data.version, file)
    # Not only after half a gigabyte was copied.
    _refuse_known(data)
    suffix = model.firmware_type
    with stored(file, suffix) as kept, transaction.atomic():
        # One upload after another: of two that are the same, the second is refused.
        hold(operator)
        _refuse_known(data)
        _refuse_bytes(data, kept)
        version = _write(actor, data, now)
        Artifact.objects.create(
            version=version,
            file=kept.file,
            name=file.name or "",
            size=kept.size,
            sha256=kept.sha256,
            md5=kept.md5,
        )
        after = {"log": data.log, "size": kept.size, "sha256": kept.sha256}
        _note(actor, operator, version, "uploaded", now, after=after)
    return version


def _refuse_known(data: VersionData) -> None:
    same = FirmwareVersion.objects.filter(model=data.model, version=data.version)
    if same.exists():
        raise BadImage(_("This version is there already."), field="version")


def _refuse_bytes(data: VersionData, kept: Stored) -> None:
    """Models that share their numbers may share an image, under the same version."""
    same = FirmwareVersion.objects.filter(artifact__sha256=kept.sha256)
    other = same.exclude(version=data.version).first()
    if other is not None:
        text = _("The same image is there already, as %(version)s.")
        raise BadImage(text % {"version": other})


def _write(actor: User, data: VersionData, now: datetime) -> FirmwareVersion:
    return FirmwareVersion.objects.create(
        model=data.model,
        version=data.version,
        log=data.log,
        created_by_name=str(actor.name or actor)[:127],
        created_at=now,
    )


@transaction.atomic
def edit_log(*, actor: User, version: FirmwareVersion, log: str, now: datetime) -> None:
    """Say anew what a version brings.

    :raises NotVisible: ``actor`` does not work for the operator, or it was deleted.
    """
    operator = organization_of(actor, OrganizationKind.OPERATOR)
    held = hold(version)
    if held.log == log:
        return
    before, held.log = {"log": held.log}, log
    held.save(update_fields=["log"])
    _note(actor, operator, held, "changed", now, before=before, after={"log": log})


@transaction.atomic
def mark_bad(
    *, actor: User, version: FirmwareVersion, reason: str, now: datetime
) -> int:
    """Say why nobody should have this version any more; how many upgrades that stopped.

    Running upgrades to it are paused, and no new one is made.

    :raises NotVisible: ``actor`` does not work for the operator, or it was deleted.
    """
    operator = organization_of(actor, OrganizationKind.OPERATOR)
    held = hold(version)
    before = {"reason": held.known_bad}
    if not held.known_bad:
        held.marked_at = now
    held.known_bad = reason
    held.save(update_fields=["known_bad", "marked_at"])
    count = hold_bad(version=held, now=now)
    after = {"reason": reason, "paused": count}
    _note(actor, operator, held, "marked", now, before=before, after=after)
    return count


@transaction.atomic
def unmark_bad(*, actor: User, version: FirmwareVersion, now: datetime) -> None:
    """Take it back that a version is bad. Upgrades that it paused stay paused.

    :raises NotVisible: ``actor`` does not work for the operator, or it was deleted.
    """
    operator = organization_of(actor, OrganizationKind.OPERATOR)
    held = hold(version)
    if not held.known_bad:
        return
    before = {"reason": held.known_bad}
    held.known_bad, held.marked_at = "", None
    held.save(update_fields=["known_bad", "marked_at"])
    _note(actor, operator, held, "unmarked", now, before=before)


@transaction.atomic
def delete_version(*, actor: User, version: FirmwareVersion, now: datetime) -> None:
    """Delete a version that no upgrade was ever ordered with, and its image.

    :raises InUse: there is such an upgrade.
    :raises NotVisible: ``actor`` does not work for the operator, or it was deleted.
    """
    operator = organization_of(actor, OrganizationKind.OPERATOR)
    held = hold(version)
    file = Artifact.objects.filter(version=held).values_list("file", flat=True)
    before = {"log": held.log}
    _note(actor, operator, held, "deleted", now, before=before)
    for name in file:
        delete_on_commit(name)
    try:
        held.delete()
    except ProtectedError:
        raise InUse(
            _(
                "There are upgrades to this version, and their records name it. Mark it"
                " as known to be bad instead."
            )
        ) from None


def _note(
    actor: User,
    operator: Organization,
    version: FirmwareVersion,
    verb: str,
    now: datetime,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    record(
        actor=actor,
        action=f"firmware.{verb}",
        subject=version,
        organization_id=operator.pk,
        before=before,
        after=after,
        now=now,
    )
