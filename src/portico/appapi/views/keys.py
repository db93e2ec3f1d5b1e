"""Temporary keys: endpoints 11, 14 and 15, and the QR picture that they point at."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from portico.access.errors import BadTempKey
from portico.access.selectors import get_temp_key, temp_key_by_id, temp_keys_of
from portico.access.services.temp_keys import (
    create_temp_key,
    revoke_temp_key,
    shown_code,
)
from portico.appapi.homes import home_at
from portico.appapi.http import (
    clean_text,
    endpoint,
    small_number,
    web_success,
    web_view,
)
from portico.appapi.views.logs import account_time
from portico.devices.enums import DenialReason, RelayKind
from portico.devices.selectors import devices_of_homes
from portico.kernel.mac import InvalidMac, parse_mac
from portico.kernel.qr import qr_png
from portico.sites.errors import NotActivated
from portico.sites.rules import app_works

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portico.access.models import TempKey
    from portico.accounts.models import User
    from portico.devices.models import Device, Relay
    from portico.sites.models import Resident

_QR_SALT = "appapi.temp-key-qr"
# The list is asked for again all the time; an address that leaks soon shows nothing.
_QR_SECONDS = 24 * 3600
_NEVER_REPEATED = "3"
# More than any device has, and than any form that a client sends.
_MOST_DOORS = 20
_MOST_RELAY = 9
_MOST_USES = 999
_MOST_NAME = 63
_MOST_KEYS = 200
_MOST_ID = 18
# strptime also reads dates that no zone can be applied to.
_YEARS = range(2000, 2200)
_RELAY_FIELDS = (("Relay", RelayKind.LOCAL), ("SecurityRelay", RelayKind.SECURITY))


def _line(key: TempKey, user: User) -> dict[str, Any]:
    sealed = signing.dumps(key.pk, salt=_QR_SALT)
    expired = key.ends_at <= now() or key.is_used_up
    return {
        "ID": str(key.pk),
        "Description": key.name,
        "TmpKey": key.pin,
        "BeginTime": account_time(key.starts_at, user),
        "EndTime": account_time(key.ends_at, user),
        "AccessTimes": str(key.uses_made),
        "AllowedTimes": str(key.uses_in_all or _MOST_USES),
        "EachAllowedTimes": str(key.uses_allowed or _MOST_USES),
        "QrCodeUrl": reverse("appapi_temp_key_qr", args=[sealed]),
        "Expired": "1" if expired else "0",
        "Doors": [
            {
                "ID": str(relay.pk),
                "KeyID": str(key.pk),
                "Relay": relay.app_id,
                "MAC": relay.device.mac,
            }
            for relay in key.relays.all()
        ],
    }


@web_view("GET")
def list_keys(
    request: HttpRequest, homes: Sequence[Resident], kind: str
) -> HttpResponse:
    del request, kind
    keys, user = temp_keys_of(homes)[:_MOST_KEYS], homes[0].user
    return web_success([_line(key, user) for key in keys])


@endpoint("GET")
def qr_picture(request: HttpRequest, sealed: str) -> HttpResponse:
    """The key's digits as a QR code; the signed address is the permission."""
    del request
    try:
        key_id = signing.loads(sealed, salt=_QR_SALT, max_age=_QR_SECONDS)
    except signing.BadSignature:
        return HttpResponseNotFound()
    key = temp_key_by_id(key_id)
    if key is None:
        return HttpResponseNotFound()
    return HttpResponse(qr_png(shown_code(key, now())), content_type="image/png")


def _moment(request: HttpRequest, user: User, which: str) -> datetime:
    text = f"{request.POST.get(f'{which}Day')} {request.POST.get(f'{which}Time')}"
    try:
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 -- below
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 -- of no year that is taken
    if moment.year not in _YEARS:
        raise BadTempKey(_("The key's times are not readable."))
    return moment.replace(tzinfo=user.zone)


def _relays(device: Device, kind: RelayKind, text: str) -> list[Relay]:
    """The relays of ``text``, numbers from 0 joined by semicolons."""
    has = {relay.number: relay for relay in device.relays.all() if relay.kind == kind}
    numbers = [small_number(part, _MOST_RELAY) for part in text.split(";") if part]
    found = [has.get(number + 1) for number in numbers if number is not None]
    relays = [relay for relay in found if relay is not None]
    if len(relays) != len(numbers):
        raise BadTempKey(_("A door of this key does not exist."))
    return relays


def _doors(request: HttpRequest, homes: Sequence[Resident]) -> list[Relay]:
    """The relays of ``MAC[i][MAC]`` and what goes with it, all of the account's houses."""
    found: dict[int, Relay] = {}
    devices = {device.mac: device for device in devices_of_homes(homes)}
    for index in range(_MOST_DOORS):
        mac = request.POST.get(f"MAC[{index}][MAC]")
        if mac is None:
            break
        try:
            device = devices[parse_mac(mac)]
        except (InvalidMac, KeyError):
            raise BadTempKey(_("A door of this key does not exist.")) from None
        for field, kind in _RELAY_FIELDS:
            text = request.POST.get(f"MAC[{index}][{field}]", "")[:_MOST_NAME]
            found |= {relay.pk: relay for relay in _relays(device, kind, text)}
    return list(found.values())


def _home_of(relays: Sequence[Relay], homes: Sequence[Resident]) -> Resident:
    """Where the doors of a key are. :raises BadTempKey: in two houses."""
    sites = {relay.device.site_id for relay in relays}
    if len(sites) > 1:
        raise BadTempKey(_("The doors of a key are all of one house."))
    return home_at(homes, sites.pop()) if sites else homes[0]


@web_view("POST")
def add_key(request: HttpRequest, homes: Sequence[Resident], kind: str) -> HttpResponse:
    del kind
    if request.POST.get("SchedulerType") != _NEVER_REPEATED:
        raise BadTempKey(_("Only keys that do not repeat can be made here."))
    served = [home for home in homes if app_works(home, now())]
    relays = _doors(request, homes) if served else []
    resident = _home_of(relays, homes)
    if resident not in served:
        raise NotActivated(str(DenialReason.NO_SERVICE.label))
    uses = small_number(request.POST.get("AllowedTimes", "1"), _MOST_USES)
    key = create_temp_key(
        actor=resident.user,
        site=resident.site,
        name=clean_text(request.POST.get("Description"), _MOST_NAME),
        relays=relays,
        starts_at=_moment(request, resident.user, "Start"),
        ends_at=_moment(request, resident.user, "Stop"),
        uses_allowed=uses or 0,
        now=now(),
    )
    return web_success({"ID": str(key.pk)})


@web_view("POST")
def delete_key(
    request: HttpRequest, homes: Sequence[Resident], kind: str
) -> HttpResponse:
    del kind
    key = get_temp_key(homes, clean_text(request.POST.get("ID"), _MOST_ID))
    revoke_temp_key(actor=homes[0].user, key=key, now=now())
    return web_success([])
