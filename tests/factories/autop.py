"""AutoP commands that somebody has sent."""

from __future__ import annotations

from collections.abc import Sequence

from portico.accounts.models import User
from portico.devices.models import Device
from portico.kernel.clock import utcnow
from portico.kernel.ids import new_id
from portico.provisioning.enums import AutopKind
from portico.provisioning.models import AutopOrder, ProvisioningFile
from portico.provisioning.services.autop import AutopData, Waves, order_commands
from portico.provisioning.services.files import note_fetched
from tests.factories import run_jobs

LANGUAGE = "Config.Settings.LANGUAGE.Type = 1"
RESET = "Config.Autoprovision.RESET_FACTORY.Enable = 1"


def make_commands(
    installer: User,
    devices: Sequence[Device],
    text: str = LANGUAGE,
    kind: AutopKind = AutopKind.REGULAR,
    *,
    waves: Waves | None = None,
    **fields: bool,
) -> AutopOrder:
    """Commands to ``devices``; they stand in the files."""
    data = AutopData(kind=kind, text=text, is_confirmed=True, token=new_id(), **fields)
    order = order_commands(
        actor=installer,
        devices=[device.pk for device in devices],
        data=data,
        waves=waves,
        now=utcnow(),
    )
    run_jobs()
    return order


def file_of(device: Device) -> ProvisioningFile:
    """The file as it is served now."""
    return ProvisioningFile.objects.get(device=device)


def fetch(device: Device, file: ProvisioningFile | None = None) -> None:
    """The device fetches its newest file, or has fetched ``file`` a moment ago."""
    file = file or file_of(device)
    note_fetched(
        device_id=device.pk, revision=file.revision, etag=file.etag, at=utcnow()
    )
    run_jobs()
