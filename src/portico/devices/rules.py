"""What may be set up, and what may be opened by whom. No database access."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from portico.devices.catalogue import UNKNOWN_RELAYS, DeviceModel, methods_for
from portico.devices.enums import AccessMethod, DenialReason, DeviceKind, RelayKind
from portico.devices.errors import BadAddress, BadRelay
from portico.devices.models import Bridge, Device

# One key of the phone, or two to four digits (the firmware's CodeN and MultiCodeN).
_DTMF = re.compile(r"[0-9*#]|[0-9]{2,4}")
HOLD_SECONDS = range(1, 61)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayData:
    """One relay as the form gives it."""

    number: int
    kind: RelayKind = RelayKind.LOCAL
    name: str
    dtmf_code: str
    access_methods: Sequence[AccessMethod] = field(default_factory=tuple)
    hold_seconds: int = 5


def check_relays(relays: Sequence[RelayData], model: DeviceModel | None) -> None:
    """Check ``relays`` against each other and against what ``model`` can do.

    :raises BadRelay: with a message that names the relay.
    """
    codes: set[str] = set()
    places: set[tuple[RelayKind, int]] = set()
    for relay in relays:
        problem = _relay_problem(relay, model)
        if relay.dtmf_code in codes:
            problem = _("DTMF Code %(code)s is used twice.") % {"code": relay.dtmf_code}
        if (relay.kind, relay.number) in places:
            problem = _("This relay is listed twice.")
        if problem:
            raise BadRelay(f"{relay.name or relay.number}: {problem}")
        codes.add(relay.dtmf_code)
        places.add((relay.kind, relay.number))


def _relay_problem(relay: RelayData, model: DeviceModel | None) -> str:
    most = UNKNOWN_RELAYS if model is None else model.relays
    if relay.kind == RelayKind.SECURITY:
        most = 2 if model is None else model.security_relays
    if not relay.name.strip():
        return _("Enter a Relay Name.")
    if not 1 <= relay.number <= most:
        return _("This model has %(count)d of these relays.") % {"count": most}
    if not _DTMF.fullmatch(relay.dtmf_code):
        return _("DTMF Code is one of 0-9 * #, or two to four digits.")
    if relay.hold_seconds not in HOLD_SECONDS:
        return _("Hold delay is between 1 and 60 seconds.")
    if set(relay.access_methods) - set(methods_for(model)):
        return _("This model does not support all of the chosen access methods.")
    return ""


def has_camera(device: Device) -> bool:
    """Whether units of this type have a camera of their own."""
    return device.kind != DeviceKind.INDOOR_MONITOR


def why_no_orders(device: Device, bridge: Bridge | None) -> str:
    """Why ``device`` cannot be told anything now, as a sentence; empty when it can."""
    if bridge is None or bridge.enrolled_at is None:
        return str(DenialReason.BRIDGE_NEEDED.label)
    if not bridge.is_online:
        return str(DenialReason.BRIDGE_OFFLINE.label)
    presence = getattr(device, "presence", None)
    if presence is None or not presence.is_online:
        return str(DenialReason.DEVICE_OFFLINE.label)
    return ""


def is_home_address(text: str) -> bool:
    """Whether ``text`` is an address that no stranger on the internet can have."""
    try:
        return ipaddress.ip_address(text).is_private
    except ValueError:
        return False


def check_lan_address(text: str) -> str:
    """Return the private IPv4 address in ``text``.

    :raises BadAddress: not an address, or one that is not of a home network.
    """
    try:
        address = ipaddress.IPv4Address(text.strip())
    except ValueError:
        raise BadAddress(_("Enter an IPv4 address such as 192.168.1.20.")) from None
    usable = address.is_private and not (
        address.is_loopback
        or address.is_unspecified
        or address.is_reserved
        or address.is_link_local
    )
    if not usable:
        raise BadAddress(_("Enter an address of the home network."))
    return str(address)
