"""Another unit takes a device's place, or its MAC was wrong (DEV-7)."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.catalogue import all_models
from portico.devices.enums import AccessMethod, RelayKind
from portico.devices.errors import MacInUse, MacNotInLibrary, WrongKind
from portico.devices.models import AccessWipe, Device, DeviceSecrets, Presence
from portico.devices.rules import RelayData, check_relays
from portico.devices.services.mac_library import library_entry, read_mac
from portico.devices.services.pictures import forget_picture
from portico.devices.services.registration import PUBLISH, new_secrets
from portico.kernel.ids import new_secret
from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import enqueue
from portico.kernel.rows import hold


@transaction.atomic
def change_mac(*, actor: User, device: Device, mac: str, now: datetime) -> Device:
    """Give ``device`` the MAC of another unit; it keeps its place, name and relays.

    Every secret is a new one: the unit of before is cut off at once, and the new one needs
    the new configuration address.

    :raises NotVisible: somebody has deleted the device.
    :raises MacMalformed, MacNotInLibrary, MacInUse, WrongKind: as at registration.
    :raises BadRelay: the new model has not all relays or access methods that are set up.
    """
    device = hold(device)
    mac, old = read_mac(mac), device.mac
    if mac == old:
        raise MacInUse(_("This is the MAC that the device has."))
    entry = library_entry(device.site.organization, mac)
    if entry is None:
        raise MacNotInLibrary(
            _("This MAC is not in your distributor's MAC library. Ask him to add it.")
        )
    model = all_models().get(entry.model)
    if model is not None and model.kind != device.kind:
        raise WrongKind(
            _("The MAC library says that this is: %(kind)s.")
            % {"kind": model.kind.label},
            field="mac",
        )
    check_relays(_relays_of(device), model)
    device.mac, device.model = mac, entry.model
    device.reported_model = device.firmware = ""
    try:
        with transaction.atomic():
            device.save(update_fields=["mac", "model", "reported_model", "firmware"])
    except IntegrityError:
        raise MacInUse(_("A device already has this MAC.")) from None
    DeviceSecrets.objects.filter(device=device).delete()
    new_secrets(device).save(force_insert=True)
    device.sip.password = new_secret()
    device.sip.save(update_fields=["password"])
    # What was known of the unit of before.
    Presence.objects.filter(device=device).delete()
    AccessWipe.objects.filter(device=device).delete()
    forget_picture(device=device)
    record(
        actor=actor,
        action="device.mac_changed",
        subject=device,
        organization_id=device.site.organization_id,
        site_id=device.site_id,
        before={"mac": old},
        after={"mac": mac},
        now=now,
    )
    enqueue(PUBLISH, unique_key=f"publish:{device.pk}", device_id=device.pk)
    publish_on_commit("device.changed", device=device.pk, site=str(device.site_id))
    return device


def _relays_of(device: Device) -> list[RelayData]:
    return [
        RelayData(
            number=relay.number,
            kind=RelayKind(relay.kind),
            name=relay.name,
            dtmf_code=relay.dtmf_code,
            access_methods=[AccessMethod(one) for one in relay.access_methods],
            hold_seconds=relay.hold_seconds,
        )
        for relay in device.relays.all()
    ]
