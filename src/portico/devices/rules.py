"""What may be set up, and what may be opened by whom. No database access."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from portico.devices.catalogue import (
    UNKNOWN_RELAYS,
    DeviceModel,
    all_models,
    methods_for,
)
from portico.devices.enums import (
    BRIDGE_REASONS,
    CAMERA_REASONS,
    AccessMethod,
    DenialReason,
    DeviceKind,
    RelayKind,
)
from portico.devices.errors import (
    BadAddress,
    BadCameraAccount,
    BadCameraAddress,
    BadRelay,
)
from portico.devices.models import Bridge, Device
from portico.protocols.rtsp import (
    MAX_ACCOUNT,
    MAX_ADDRESS,
    BadRtspAddress,
    RtspAddress,
    is_account_text,
    read_rtsp_address,
)

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
    """Whether the unit has a camera of its own; until it told its model its type decides."""
    model = all_models().get(device.model)
    return device.kind != DeviceKind.INDOOR_MONITOR if model is None else model.camera


def why_no_orders(device: Device, bridge: Bridge | None) -> str:
    """Why ``device`` cannot be told anything now, as a sentence; empty when it can."""
    if why_not := why_no_bridge(bridge):
        return str(why_not.label)
    presence = getattr(device, "presence", None)
    if presence is None or not presence.is_online:
        return str(DenialReason.DEVICE_OFFLINE.label)
    return ""


def why_no_bridge(bridge: Bridge | None) -> DenialReason | None:
    """Why nothing can be asked of a house's bridge now; None when it can."""
    if bridge is None or bridge.enrolled_at is None:
        return DenialReason.BRIDGE_NEEDED
    return None if bridge.is_online else DenialReason.BRIDGE_OFFLINE


def why_no_test(bridge: Bridge | None) -> str:
    """Why no third-party camera can be looked at now, as a sentence; empty when it can."""
    why_not = why_no_bridge(bridge)
    return str(CAMERA_REASONS.get(why_not, why_not.label)) if why_not else ""


def why_no_scan(bridge: Bridge | None) -> str:
    """Why nobody can look for units now, as a sentence; empty when it can be done."""
    why_not = why_no_bridge(bridge)
    return str(BRIDGE_REASONS.get(why_not, why_not.label)) if why_not else ""


def likely_range(told: Iterable[str]) -> tuple[str, str] | None:
    """First and last machine of the network that the first home address in ``told`` is in."""
    for text in told:
        try:
            host = check_lan_address(text)
        except BadAddress:
            continue
        network = ipaddress.IPv4Network(f"{host}/24", strict=False)
        return str(network[1]), str(network[-2])
    return None


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


def read_camera_address(text: str) -> RtspAddress:
    """The RTSP address of a third-party camera, maybe with credentials.

    :raises BadCameraAddress: see :class:`portico.protocols.rtsp.BadRtspAddress`.
    """
    try:
        return read_rtsp_address(text)
    except BadRtspAddress as error:
        raise BadCameraAddress(_address_problem(error.code)) from None


def _address_problem(code: str) -> str:
    problems = {
        "too_long": _("An address has at most %(count)d characters.")
        % {"count": MAX_ADDRESS},
        "scheme": _("The address begins with rtsp://"),
        "port": _("The port is a number from 1 to 65535."),
        "host": _(
            "After rtsp:// stands a name such as camera.local or an IP address; IPv6 in"
            " brackets."
        ),
        "refused": _(
            "This address leads to the bridge itself, or to no machine at all. Enter the"
            " address that the camera has in the network of the house."
        ),
        "account": _("User name or password in the address cannot be read."),
    }
    otherwise = _("An address has no spaces, line breaks, # or letters beyond A to Z.")
    return problems.get(code, otherwise)


def camera_account(address: RtspAddress, user: str, password: str) -> tuple[str, str]:
    """User name and password, told in the address or in fields of their own.

    :raises BadCameraAccount: both tell one and they differ, or one is unusable.
    """
    both = (
        ("user", address.user, user),
        ("password", address.password, password),
    )
    for name, told, typed in both:
        if not is_account_text(typed):
            text = _("At most %(count)d characters, all of them visible.")
            raise BadCameraAccount(text % {"count": MAX_ACCOUNT}, field=name)
        if told and typed and told != typed:
            raise BadCameraAccount(
                _("The address holds another one. Leave one of them out."), field=name
            )
    return address.user or user, address.password or password
