"""Temporary keys: endpoints 11, 14 and 15, and the QR picture that they point at."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

import segno
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from portico.access.errors import BadTempKey
from portico.access.selectors import get_temp_key, temp_key_by_id, temp_keys_of
from portico.access.services.temp_keys import create_temp_key, revoke_temp_key
from portico.appapi.http import endpoint, web_success, web_view
from portico.appapi.views.logs import account_time
from portico.devices.selectors import devices_of_resident, get_relay
from portico.kernel.errors import NotVisible
from portico.kernel.mac import InvalidMac, parse_mac

if TYPE_CHECKING:
    from portico.access.models import TempKey
    from portico.devices.models import Relay
    from portico.sites.models import Resident

_QR_SALT = "appapi.temp-key-qr"
# The list is asked for again all the time; an address that leaks soon shows nothing.
_QR_SECONDS = 24 * 3600
_NEVER_REPEATED = "3"
_MOST_DOORS = 20


def _line(key: TempKey, resident: Resident) -> dict[str, Any]:
    user = resident.user
    sealed = signing.dumps(key.pk, salt=_QR_SALT)
    expired = key.ends_at <= now() or key.uses_made >= key.uses_allowed
    return {
        "ID": str(key.pk),
        "Description": key.name,
        "TmpKey": key.pin,
        "BeginTime": account_time(key.starts_at, user),
        "EndTime": account_time(key.ends_at, user),
        "AccessTimes": str(key.uses_made),
        "AllowedTimes": str(key.uses_allowed),
        "EachAllowedTimes": str(key.uses_allowed),
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


@require_GET
@web_view
def list_keys(request: HttpRequest, resident: Resident, kind: str) -> HttpResponse:
    del request, kind
    return web_success([_line(key, resident) for key in temp_keys_of(resident)[:200]])


@require_GET
@endpoint
def qr_picture(request: HttpRequest, sealed: str) -> HttpResponse:
    """The key's digits as a QR code; the signed address is the permission."""
    del request
    try:
        key_id = signing.loads(sealed, salt=_QR_SALT, max_age=_QR_SECONDS)
    except signing.BadSignature:
        raise NotVisible from None
    key = temp_key_by_id(key_id)
    if key is None:
        raise NotVisible
    picture = io.BytesIO()
    code = segno.make_qr(key.pin)
    code.save(picture, kind="png", scale=8)  # scope: a picture, not a row
    return HttpResponse(picture.getvalue(), content_type="image/png")


def _moment(request: HttpRequest, resident: Resident, which: str) -> datetime:
    text = f"{request.POST.get(f'{which}Day')} {request.POST.get(f'{which}Time')}"
    try:
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 -- below
    except ValueError:
        raise BadTempKey(_("The key's times are not readable.")) from None
    return moment.replace(tzinfo=resident.user.zone)


def _doors(request: HttpRequest, resident: Resident) -> list[Relay]:
    """The relays of ``MAC[i][MAC]`` and ``MAC[i][Relay]``, all of the resident's house."""
    found: list[Relay] = []
    devices = {device.mac: device for device in devices_of_resident(resident)}
    for index in range(_MOST_DOORS):
        mac = request.POST.get(f"MAC[{index}][MAC]")
        if mac is None:
            break
        try:
            device = devices[parse_mac(mac)]
            relays = request.POST.get(f"MAC[{index}][Relay]", "").split(";")
            numbers = [int(relay) + 1 for relay in relays if relay]
        except (InvalidMac, KeyError, ValueError):
            raise BadTempKey(_("A door of this key does not exist.")) from None
        found += [get_relay(device, "local", number) for number in numbers]
    return found


@require_POST
@web_view
def add_key(request: HttpRequest, resident: Resident, kind: str) -> HttpResponse:
    del kind
    if request.POST.get("SchedulerType") != _NEVER_REPEATED:
        raise BadTempKey(_("Only keys that do not repeat can be made here."))
    uses = request.POST.get("AllowedTimes", "1")
    key = create_temp_key(
        actor=resident.user,
        site=resident.site,
        name=request.POST.get("Description", ""),
        relays=_doors(request, resident),
        starts_at=_moment(request, resident, "Start"),
        ends_at=_moment(request, resident, "Stop"),
        uses_allowed=int(uses) if uses.isdecimal() and len(uses) < 4 else 0,
        now=now(),
    )
    return web_success({"ID": str(key.pk)})


@require_POST
@web_view
def delete_key(request: HttpRequest, resident: Resident, kind: str) -> HttpResponse:
    del kind
    key = get_temp_key(resident, request.POST.get("ID", ""))
    revoke_temp_key(actor=resident.user, key=key, now=now())
    return web_success([])
