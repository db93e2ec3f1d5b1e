"""A device joins a house, changes, and leaves."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.boards import MonitorData, monitor_fields
from portico.devices.catalogue import DeviceModel, all_models, find_model
from portico.devices.enums import DeviceKind
from portico.devices.errors import BadAddress, MacInUse, MacNotInLibrary, WrongKind
from portico.devices.models import Device, DeviceSecrets, ExternalRelay, Presence, Relay
from portico.devices.rules import RelayData, check_lan_address, check_relays
from portico.devices.services.mac_library import library_entry, read_mac
from portico.devices.services.pictures import forget_picture
from portico.kernel.ids import new_secret, secret_digest
from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import enqueue
from portico.kernel.rows import hold, save_shown
from portico.sites.models import Site
from portico.sites.services.numbering import allocate_sip_account
from portico.sites.services.residents import access_changed

PUBLISH = "provisioning.publish"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceData:
    """What the form of a device holds."""

    kind: DeviceKind
    name: str
    monitor_in_app: bool = True
    monitor_on_monitors: bool = True
    has_internet: bool = True
    ip_address: str = ""
    relays: Sequence[RelayData] = ()
    # Of indoor monitors only.
    monitor: MonitorData = field(default_factory=MonitorData)


@transaction.atomic
def register_device(
    *, actor: User, site: Site, mac: str, data: DeviceData, now: datetime
) -> Device:
    """Add the unit with ``mac`` to ``site`` and order its provisioning file.

    :raises MacMalformed: not a MAC.
    :raises MacNotInLibrary: the installer's distributor has not registered it.
    :raises MacInUse: a device already has it.
    :raises WrongKind: the library says that it is of another type.
    :raises BadRelay: see :func:`portico.devices.rules.check_relays`.
    :raises BadAddress: a unit without internet needs a private address of its own.
    :raises BadBoard: see :func:`portico.devices.boards.monitor_fields`.
    """
    hold(site)
    mac = read_mac(mac)
    entry = library_entry(site.organization, mac)
    if entry is None:
        raise MacNotInLibrary(
            _("This MAC is not in your distributor's MAC library. Ask him to add it.")
        )
    model = all_models().get(entry.model)
    fields = _checked_fields(site, data, model, exclude=None)
    try:
        with transaction.atomic():
            device = Device.objects.create(
                mac=mac,
                site=site,
                organization_id=site.organization_id,
                model=entry.model,
                sip=allocate_sip_account(),
                created_at=now,
                **fields,
            )
    except IntegrityError:
        raise MacInUse(_("A device already has this MAC.")) from None
    new_secrets(device).save(force_insert=True)
    _write_relays(device, data.relays)
    _write_board(device, data)
    _changed(actor, device, "device.registered", data, now)
    return device


@transaction.atomic
def change_device(
    *, actor: User, device: Device, data: DeviceData, version: int, now: datetime
) -> None:
    """Save new settings of ``device`` and order its file anew.

    ``version`` is the one that was shown. What the form does not hold stays as it is, also
    what the unit reports meanwhile.

    :raises ChangedMeanwhile: somebody else has saved since.
    :raises: as :func:`register_device`, without the MAC's.
    """
    # Held, so that of two units that are given one address the second is told.
    site = hold(device.site)
    model = all_models().get(device.model)
    was_listed = _is_listed(device)
    save_shown(device, version, _checked_fields(site, data, model, device.pk))
    _write_relays(device, data.relays)
    _write_board(device, data)
    _changed(actor, device, "device.changed", data, now)
    if was_listed and not _is_listed(device):
        publish_files(site_id=device.site_id)


@transaction.atomic
def remove_device(*, actor: User, device: Device, now: datetime) -> None:
    """Delete ``device``; its MAC is free again, its files and action URLs are gone.

    The door log keeps what it recorded of it.
    """
    record(
        actor=actor,
        action="device.removed",
        subject=device,
        organization_id=device.site.organization_id,
        site_id=device.site_id,
        before={"mac": device.mac, "name": device.name},
        now=now,
    )
    forget_picture(device=device)
    sip, site_id, device_id = device.sip, device.site_id, device.pk
    device.delete()
    sip.delete()
    if _is_listed(device):
        publish_files(site_id=site_id)
    publish_on_commit("device.changed", device=device_id, site=str(site_id))


def publish_files(*, site_id: uuid.UUID) -> None:
    """Order the files of all units of a house anew; those that stay equal stay so.

    Call inside the transaction of the change.
    """
    for device_id in Device.objects.filter(site=site_id).values_list("pk", flat=True):
        enqueue(PUBLISH, unique_key=f"publish:{device_id}", device_id=device_id)


@transaction.atomic
def recognize_model(
    *, device: Device, reported: str, firmware: str, now: datetime
) -> None:
    """Note what the unit says that it is; a model found in the catalogue is kept.

    ``now`` is when it said so. With another firmware it has restarted: that its SIP account
    was registered before says nothing any more.
    """
    model = find_model(reported) if reported else None
    found = {
        "model": model.key if model and not device.model else device.model,
        "reported_model": "" if model else reported[:31],
        "firmware": firmware[:31] or device.firmware,
    }
    changed = {k: v for k, v in found.items() if getattr(device, k) != v}
    if not changed:
        return
    Device.objects.filter(pk=device.pk).update(**changed)
    if "firmware" in changed and device.firmware:
        before = Presence.objects.filter(device=device, sip_at__lte=now)
        before.update(sip_at=None)
    if "model" in changed:
        enqueue(PUBLISH, unique_key=f"publish:{device.pk}", device_id=device.pk)
    publish_on_commit("device.changed", device=device.pk, site=str(device.site_id))


def _is_listed(device: Device) -> bool:
    """Whether the other units of the house have ``device`` in their address books."""
    return device.kind == DeviceKind.INDOOR_MONITOR


def _checked_fields(
    site: Site, data: DeviceData, model: DeviceModel | None, exclude: int | None
) -> dict[str, object]:
    if model is not None and model.kind != data.kind:
        raise WrongKind(
            _("The MAC library says that this is: %(kind)s.")
            % {"kind": model.kind.label}
        )
    check_relays(data.relays, model)
    address = None
    if not data.has_internet:
        address = check_lan_address(data.ip_address)
        taken = site.devices.filter(ip_address=address).exclude(pk=exclude or 0)
        if taken.exists():
            raise BadAddress(_("Another device of this site has this address."))
    is_monitor = data.kind == DeviceKind.INDOOR_MONITOR
    return {
        **monitor_fields(data.monitor if is_monitor else MonitorData(), model),
        "kind": data.kind,
        "name": data.name.strip(),
        "monitor_in_app": data.monitor_in_app,
        "monitor_on_monitors": data.monitor_on_monitors,
        "has_internet": data.has_internet,
        "ip_address": address,
    }


def new_secrets(device: Device) -> DeviceSecrets:
    """Fresh credentials of ``device``, one per use; not saved yet."""
    file_secret, event_secret = new_secret(), new_secret()
    return DeviceSecrets(
        device=device,
        file_secret=file_secret,
        file_digest=secret_digest(file_secret),
        event_secret=event_secret,
        event_digest=secret_digest(event_secret),
        api_user="portico",
        api_password=new_secret(),
        open_user="open",
        open_password=new_secret(),
        rtsp_user="video",
        rtsp_password=new_secret(),
    )


def _write_board(device: Device, data: DeviceData) -> None:
    board = data.monitor.board if device.kind == DeviceKind.INDOOR_MONITOR else None
    device.external_relays.all().delete()
    for relay in board.relays if board else ():
        ExternalRelay.objects.create(
            device=device,
            number=relay.number,
            name=relay.name.strip(),
            function=relay.function,
        )


def _write_relays(device: Device, relays: Sequence[RelayData]) -> None:
    kept = {(str(relay.kind), relay.number) for relay in relays}
    for old in device.relays.all():
        if (old.kind, old.number) not in kept:
            old.delete()
    # Codes may change places: free them all before any is taken.
    for index, old in enumerate(device.relays.all()):
        device.relays.filter(pk=old.pk).update(dtmf_code=f"~{index}")
    for relay in relays:
        Relay.objects.update_or_create(
            device=device,
            kind=relay.kind,
            number=relay.number,
            defaults={
                "name": relay.name.strip(),
                "dtmf_code": relay.dtmf_code,
                "access_methods": [str(method) for method in relay.access_methods],
                "hold_seconds": relay.hold_seconds,
            },
        )


def _changed(
    actor: User, device: Device, action: str, data: DeviceData, now: datetime
) -> None:
    record(
        actor=actor,
        action=action,
        subject=device,
        organization_id=device.site.organization_id,
        site_id=device.site_id,
        after={
            "mac": device.mac,
            "name": device.name,
            "kind": str(device.kind),
            "relays": [relay.name for relay in data.relays],
        },
        now=now,
    )
    if _is_listed(device):
        publish_files(site_id=device.site_id)
    else:
        enqueue(PUBLISH, unique_key=f"publish:{device.pk}", device_id=device.pk)
        access_changed(site=device.site)  # its relays, and how they are opened
    publish_on_commit("device.changed", device=device.pk, site=str(device.site_id))
