"""The search of the list of devices: from an address, or kept under a name (PRV-3)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from portico.devices.catalogue import all_models
from portico.devices.selectors import (
    devices_to_sort,
    firmware_versions,
    narrow_devices,
    offline_longer,
    search_devices,
    visible_devices,
    visible_filters,
)
from portico.firmware.reports import outdated
from portico.firmware.running import on_bad_version
from portico.portals.installer.tables import DEVICES
from portico.portals.shared.listing import Asked, Filter
from portico.portals.shared.lists import plain, read_uuid, whole_number
from portico.provisioning.selectors import drifting
from portico.sites.selectors import visible_sites

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django_stubs_ext import StrOrPromise

    from portico.accounts.models import User
    from portico.devices.models import Device, SavedFilter

# More versions than these nobody looks through.
_VERSIONS = 100
_VERSION_CHARS = 31


def read_address(actor: User, given: Mapping[str, str]) -> Asked:
    """What an address asks of the list of devices, with all that could be asked."""
    versions = firmware_versions(devices_to_sort(actor), _VERSIONS)
    return DEVICES.read(given, *_filters(given, _rooms(actor, [given]), versions))


def read_saved(actor: User, filters: Sequence[SavedFilter]) -> list[Asked]:
    """What each of ``filters`` asks; one query for all."""
    rooms = _rooms(actor, [one.query for one in filters])
    return [DEVICES.read(one.query, *_filters(one.query, rooms)) for one in filters]


def _rooms(actor: User, asked: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The names of the sites that are asked for, those that the actor sees."""
    ids = [pk for given in asked if (pk := read_uuid(given.get("site", "")))]
    rows = visible_sites(actor).filter(pk__in=ids) if ids else ()
    return {str(site.pk): site.room_name for site in rows}


def _filters(
    given: Mapping[str, str], rooms: Mapping[str, str], versions: Sequence[str] = ()
) -> list[Filter]:
    """The filters whose choices are not the same for everybody."""
    models = {key: model.name for key, model in all_models().items()}
    found = [Filter(key="model", label=_("Any model"), choices=models, is_open=True)]
    asked = plain(given.get("firmware", ""), _VERSION_CHARS)
    if shown := {one: one for one in [*versions, asked] if one}:
        label = _("Any firmware")
        found.append(Filter(key="firmware", label=label, choices=shown, is_open=True))
    site = given.get("site", "")
    if site in rooms:
        label, choices = _("Any site"), {site: rooms[site]}
        found.append(Filter(key="site", label=label, choices=choices, is_open=True))
    return found


def find_devices(
    devices: QuerySet[Device], asked: Asked, now: datetime
) -> QuerySet[Device]:
    """Those of ``devices`` that are asked for."""
    values = asked.values
    found = search_devices(devices, text=asked.text, presence=values["presence"])
    site = values.get("site")
    found = narrow_devices(
        found,
        model=values["model"],
        firmware=values.get("firmware", ""),
        site=uuid.UUID(site) if site else None,
    )
    found = drifting(found) if values["config"] else found
    found = on_bad_version(found) if values["bad"] else found
    found = outdated(found) if values["update"] else found
    if values["longer"]:
        found = offline_longer(found, hours=int(values["longer"]), now=now)
    return found


def is_stale(asked: Asked, saved: SavedFilter) -> bool:
    """Whether ``saved`` asks for something that is gone, such as a deleted site.

    Without it the rest would find more devices than was meant.
    """
    return bool(asked.narrowing != saved.query)


def find_saved(actor: User, saved: SavedFilter, now: datetime) -> QuerySet[Device]:
    """The devices of ``actor`` that a saved filter finds now; none if it is stale."""
    (asked,) = read_saved(actor, [saved])
    devices = visible_devices(actor)
    return (
        devices.none() if is_stale(asked, saved) else find_devices(devices, asked, now)
    )


def saved_filter(actor: User, text: str) -> SavedFilter | None:
    """The filter whose number a form or an address names."""
    number = whole_number(text)
    return None if number is None else visible_filters(actor).filter(pk=number).first()


def search_words(asked: Asked) -> list[StrOrPromise]:
    """What is asked for, as a person reads it."""
    found: list[StrOrPromise] = [f"“{asked.text}”"] if asked.text else []
    for one in asked.filters:
        value = asked[one.key]
        if one.key == "longer" and value:
            found.append(f"{one.label} {one.choices[value]}")
        elif value:
            found.append(one.choices[value])
    return found


def list_query(asked: Asked) -> str:
    """The search as the address of the list has it."""
    return urlencode(asked.narrowing)
