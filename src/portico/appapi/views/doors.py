"""The house as the app sees it, and its doors: endpoints 8 and 9."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from portico.appapi.homes import home_at, place
from portico.appapi.http import (
    clean_text,
    failure,
    legacy_view,
    small_number,
    success,
)
from portico.appapi.views.locks import lock_confs, open_lock
from portico.appapi.waiting import wait_for
from portico.devices.enums import (
    OPEN_STATES,
    CommandChannel,
    CommandState,
    DenialReason,
    DeviceKind,
    RelayKind,
)
from portico.devices.selectors import (
    app_cameras,
    devices_of_homes,
    get_relay_of_homes,
)
from portico.devices.services.commands import request_open
from portico.kernel.errors import NotVisible
from portico.kernel.mac import InvalidMac, parse_mac
from portico.messaging.selectors import unread_count
from portico.sites.enums import ResidentRole
from portico.sites.rules import app_works, live_landlines, premium_missing
from portico.weather.selectors import facts, weather_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portico.devices.models import Device, Relay
    from portico.sites.models import Resident, Site

# Numbers that clients expect for the kinds of units.
_TYPES = {
    DeviceKind.DOOR_PHONE: 1,
    DeviceKind.INDOOR_MONITOR: 2,
    DeviceKind.ACCESS_TERMINAL: 50,
}
_OPENED = (CommandState.ACKNOWLEDGED, CommandState.CONFIRMED)
# ``relay_id`` of security relays counts from here; see Relay.app_id.
_SECURITY = 100
_MOST_RELAY = 199
# What a command keeps as its idempotency key.
_MOST_KEY = 63


def _offered(relay: Relay) -> bool:
    return relay.on_homepage or relay.on_talking_page


def _relay_conf(relay: Relay) -> dict[str, Any]:
    return {
        "relay_id": relay.app_id,
        "door_name": relay.name,
        "dtmf": relay.dtmf_code,
        "show_home": int(relay.on_homepage),
        "show_talking": int(relay.on_talking_page),
        "enable": 1,
        "relay_status": 0,
    }


def _device_conf(device: Device, relays: list[Relay], location: str) -> dict[str, Any]:
    seen = getattr(device, "presence", None)
    return {
        "location": location,
        "mac": device.mac,
        "status": int(seen is not None and seen.is_online),
        "is_public": 0,
        "is_need_monitor": int(device.monitor_in_app),
        "arming_function": int(device.can_arm),
        "firmware": device.firmware,
        "dev_type": str(_TYPES[DeviceKind(device.kind)]),
        "relay": [_relay_conf(relay) for relay in relays],
    }


def _app_conf(resident: Resident) -> dict[str, Any]:
    site, user = resident.site, resident.user
    landlines = live_landlines(site, site.entitlements.all(), now())
    return {
        "project_name": site.room_name,
        "display_name": user.name or str(user),
        "sip": resident.sip.number,
        "uid": str(resident.pk),
        "role": 20 if resident.role == ResidentRole.MASTER else 21,
        "account_expire": int(not app_works(resident, now())),
        "show_payment": 0,
        "show_subscription": 0,
        "have_public_dev": 0,
        "show_landline": int(bool(landlines)),
        "show_tempkey": 1,
        "landline": landlines,
        **_weather(site),
    }


def _weather(site: Site) -> dict[str, Any]:
    """Our own addition; without weather there is no such key."""
    told = weather_of(site, now())
    return {} if told is None else {"weather": facts(told)}


def _cameras(homes: Sequence[Resident]) -> list[dict[str, Any]]:
    """What stands in the app by itself; no address, and no password of any camera."""
    found = []
    for site in (home.site for home in homes):
        if premium_missing(site, site.entitlements.all(), now()) is None:
            for camera in app_cameras(site):
                location = place(homes, site.pk, camera.name)
                found.append({"id": str(camera.pk), "location": location})
    return found


def _devices(homes: Sequence[Resident]) -> list[dict[str, Any]]:
    """House by house; devices without a relay for the app are left out.

    One client would make one up.
    """
    order = {home.site_id: number for number, home in enumerate(homes)}
    found = []
    for device in sorted(devices_of_homes(homes), key=lambda one: order[one.site_id]):
        relays = [relay for relay in device.relays.all() if _offered(relay)]
        if relays:
            location = place(homes, device.site_id, device.name)
            found.append(_device_conf(device, relays, location))
    return found


@legacy_view("GET", "POST")
def userconf(request: HttpRequest, homes: Sequence[Resident]) -> HttpResponse:
    """Clients know one house: what there is once is the first one's."""
    del request
    empty: list[str] = []
    return success(
        {
            "app_conf": _app_conf(homes[0]),
            "dev_list": _devices(homes),
            "third_party_dev_list": {
                "lock_dev_list": lock_confs(homes),
                "camera_dev_list": _cameras(homes),
                "bsi_lock_list": empty,
            },
            "unread_msg": {
                "messages_num": unread_count(homes),
                "activities_num": 0,
            },
        }
    )


def _asked_relay(request: HttpRequest, homes: Sequence[Resident]) -> Relay:
    """The relay that the form means. :raises NotVisible: none of his houses.

    Some clients name the house by the account's SIP number there; one that is not his says
    nothing.
    """
    number = request.POST.get("site", "")
    homes = [home for home in homes if home.sip.number == number] or homes
    security = request.POST.get("security_relay", "")
    app_id = small_number(security or request.POST.get("relay", ""), _MOST_RELAY)
    try:
        mac = parse_mac(request.POST.get("mac", ""))
    except InvalidMac:
        raise NotVisible from None
    if app_id is None:
        raise NotVisible
    is_security = bool(security) or app_id >= _SECURITY
    kind = RelayKind.SECURITY if is_security else RelayKind.LOCAL
    return get_relay_of_homes(homes, mac, kind, app_id % _SECURITY + 1)


def _refusal(resident: Resident, relay: Relay) -> DenialReason | None:
    if not app_works(resident, now()):
        return DenialReason.NO_SERVICE
    return None if _offered(relay) else DenialReason.NOT_OFFERED


def _key(request: HttpRequest) -> str:
    """The app's own trace id makes a repeated request the same tap."""
    trace = clean_text(request.POST.get("trace_id"), _MOST_KEY)
    return f"trace:{trace}"[:_MOST_KEY] if trace else ""


@legacy_view("POST")
def opendoor(request: HttpRequest, homes: Sequence[Resident]) -> HttpResponse:
    """Open and wait for the door's answer: success is told only when it opened."""
    if "lock_id" in request.POST:
        return open_lock(request, homes, _key(request))
    relay = _asked_relay(request, homes)
    resident = home_at(homes, relay.device.site_id)
    command = request_open(
        actor=resident.user,
        relay=relay,
        channel=CommandChannel.APP,
        idempotency_key=_key(request),
        refusal=_refusal(resident, relay),
        now=now(),
    )
    state, reason = wait_for(command, resident.site_id)
    if state in _OPENED:
        return success()
    if state in OPEN_STATES:
        return failure(_("The door was asked to open and has not answered yet."))
    known = DenialReason(reason) if reason else DenialReason.NO_ANSWER
    return failure(str(known.label))
