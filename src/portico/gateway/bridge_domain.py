"""What bridges are told, and what they tell: a part of ``gateway.domain``, for its threads."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from portico.devices import selectors as devices
from portico.devices.enums import CommandKind, CommandState
from portico.devices.services import bridges, commands
from portico.devices.services.found import FoundData, note_found
from portico.devices.services.pictures import NoPicture
from portico.devices.services.registration import recognize_model
from portico.devices.services.scans import note_scan
from portico.events.services.captures import receive_picture
from portico.firmware.services.delivery import order_data
from portico.gateway.errors import Refused, StoreFailed
from portico.gateway.remote_order import remote_order
from portico.gateway.roster_keys import Codes, codes_of
from portico.kernel.clock import from_ms, to_ms, utcnow
from portico.kernel.errors import DomainError
from portico.protocols.bridge import messages as wire
from portico.protocols.bridge.envelope import (
    NO_UNIT,
    camera_picture_data,
    encode,
    read_settings_data,
)
from portico.protocols.bridge.scan import scan_data
from portico.provisioning.selectors import address_of
from portico.provisioning.services.comparing import keys_to_read, note_settings
from portico.provisioning.services.files import note_applied

if TYPE_CHECKING:
    from portico.devices.models import Command


@dataclass(frozen=True, slots=True)
class BridgeInfo:
    """An enrolled bridge that may connect."""

    id: uuid.UUID
    site_id: uuid.UUID
    public_key: bytes


def live_bridge(bridge_id: uuid.UUID) -> BridgeInfo | None:
    bridge = devices.live_bridge(bridge_id)
    if bridge is None:
        return None
    key = base64.urlsafe_b64decode(bridge.public_key + "=")
    return BridgeInfo(bridge.pk, bridge.site_id, key)


def enrol(token: str, public_key: str, version: str) -> str:
    try:
        bridge = bridges.enrol_bridge(
            token=token, public_key=public_key, version=version, now=utcnow()
        )
    except DomainError as error:
        raise Refused(error) from None
    return str(bridge.pk)


def begin_session(bridge_id: uuid.UUID, session: str, lan: str, version: str) -> bool:
    bridge = devices.live_bridge(bridge_id)
    if bridge is None:
        return False
    return bridges.begin_session(
        bridge=bridge, session=session, lan_url=lan, version=version, now=utcnow()
    )


def end_session(bridge_id: uuid.UUID, session: str) -> None:
    bridge = devices.live_bridge(bridge_id)
    if bridge is not None:
        bridges.end_session(bridge=bridge, session=session, now=utcnow())


def rosters(
    bridge_ids: Collection[uuid.UUID],
) -> dict[uuid.UUID, tuple[wire.Roster, dict[str, int]]]:
    """What each bridge serves, and the device behind each MAC; unknown ones are left out."""
    found = devices.live_bridges(bridge_ids)
    of_site: dict[uuid.UUID, list[Any]] = defaultdict(list)
    for device in devices.roster_devices([each.site for each in found]):
        of_site[device.site_id].append(device)
    codes = defaultdict(Codes, codes_of(found))
    return {each.pk: _roster(of_site[each.site_id], codes) for each in found}


def _roster(
    rows: Sequence[Any], codes: Mapping[int, Codes]
) -> tuple[wire.Roster, dict[str, int]]:
    units = tuple(
        wire.RosterDevice(
            mac=device.mac,
            model=device.model,
            address=device.ip_address or _known_address(device),
            api_user=device.secrets.api_user,
            api_password=device.secrets.api_password,
            open_user=device.secrets.open_user,
            open_password=device.secrets.open_password,
            event_secret=device.secrets.event_secret,
            old_event_secret=device.secrets.old_event_secret,
            guests=tuple(codes[device.pk].guests),
            provisioning=address_of(device),
            rtsp_user=device.secrets.rtsp_user,
            rtsp_password=device.secrets.rtsp_password,
            keys=tuple(codes[device.pk].keys),
            rolling=tuple(codes[device.pk].rolling),
        )
        for device in rows
    )
    revision = hashlib.sha256(encode(wire.Roster("", units)).encode())
    return wire.Roster(revision.hexdigest()[:16], units), {d.mac: d.pk for d in rows}


def _known_address(device: Any) -> str | None:
    seen = getattr(device, "presence", None)
    return seen.lan_address or None if seen is not None else None


def claim(command_id: uuid.UUID) -> wire.Command | None:
    """The order as its bridge gets it; None: somebody was faster, or it is none any more."""
    command = commands.mark_sent(command_id=command_id, now=utcnow())
    if command is None or (data := _data(command)) is None:
        return None
    return wire.Command(
        id=command_id,
        mac=command.device.mac if command.device else NO_UNIT,
        kind=command.kind,
        data=data,
        expires_at=to_ms(command.expires_at),
    )


def _data(command: Command) -> dict[str, Any] | None:
    if command.camera is not None:
        return camera_picture_data(command.camera.address)
    if command.kind == CommandKind.SCAN_NETWORK:
        return scan_data(command.scan.first, command.scan.last)
    if command.kind == CommandKind.OPEN_RELAY:
        return _opening(command)
    of_kind = _DATA.get(CommandKind(command.kind))
    if of_kind is None or command.device is None:
        return {}
    return of_kind(command.device.pk, command.pk)


def _opening(command: Command) -> dict[str, Any] | None:
    relay = command.relay
    if relay is None:
        return None
    told = {"kind": relay.kind, "number": relay.number}
    return {"relay": told, "hold_seconds": relay.hold_seconds}


def waiting(bridge_id: uuid.UUID) -> list[uuid.UUID]:
    bridge = devices.live_bridge(bridge_id)
    if bridge is None:
        return []
    return devices.waiting_commands(bridge)


def _upgrade(device_id: int, command_id: uuid.UUID) -> dict[str, Any] | None:
    """None: it was taken back meanwhile."""
    return order_data(device_id=device_id, command_id=command_id) or None


def _reading(device_id: int, _command_id: uuid.UUID) -> dict[str, Any]:
    return read_settings_data(keys_to_read(device_id))


_DATA: Final[
    Mapping[CommandKind, Callable[[int, uuid.UUID], dict[str, Any] | None]]
] = {
    CommandKind.REMOTE_CONTROL: remote_order,
    CommandKind.READ_SETTINGS: _reading,
    CommandKind.UPGRADE_FIRMWARE: _upgrade,
}


def record_result(bridge_id: uuid.UUID, result: wire.CommandResult) -> bool:
    if result.counts:  # before its hint tells the pages
        note_scan(bridge_id=bridge_id, command_id=result.id, counts=result.counts)
    known = commands.record_result(
        bridge_id=bridge_id,
        command_id=result.id,
        state=CommandState(result.state.value),
        reason=result.reason,
        at=from_ms(result.at),
        now=utcnow(),
    )
    if known and result.settings:
        note_settings(command_id=result.id, told=result.settings, now=utcnow())
    return known


def recognize(device_id: int, model: str, firmware: str) -> None:
    device = devices.device_by_id(device_id)
    if device is not None:
        recognize_model(device=device, reported=model, firmware=firmware, now=utcnow())


def note_revision(device_id: int, revision: str) -> None:
    device = devices.device_by_id(device_id)
    if device is not None:
        note_applied(device=device, revision=revision, at=utcnow())


def take_found(bridge_id: uuid.UUID, found: wire.Found) -> None:
    units = [
        FoundData(u.mac, u.model, u.version, u.address, from_ms(u.at))
        for u in found.devices
    ]
    note_found(bridge_id=bridge_id, units=units, now=utcnow())


def store_picture(
    bridge_id: uuid.UUID, command_id: uuid.UUID, jpeg: bytes
) -> bool | None:
    try:
        return receive_picture(
            bridge_id=bridge_id, command_id=command_id, jpeg=jpeg, now=utcnow()
        )
    except NoPicture:
        return None
    except OSError as error:
        raise StoreFailed(str(error)) from error
