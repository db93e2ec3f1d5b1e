"""A code that the bridge checks has opened a door."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import F

from portico.access.models import Credential, DoorUse, TempKey
from portico.access.rules import credential_number
from portico.devices.models import Relay
from portico.sites.models import Site

# Of a 64-bit id.
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Used:
    """Whose code it was; empty: nobody's of this house."""

    name: str = ""
    is_key: bool = True


@transaction.atomic
def note_use(*, site: Site, code: str) -> Used:
    """Count one opening. Call once for each event of a bridge of ``site``.

    :param code: as the roster names it: a temp key, ``<key>:<relay>`` where doors are
        counted apart, or a credential.
    """
    number = credential_number(code)
    if number is not None:
        rows = Credential.objects.filter(site=site, pk=number)
        names = rows.values_list("resident__user__name", flat=True)
        return Used(names.first() or "", is_key=False)
    key_id, _, relay_id = code.partition(":")
    keys = TempKey.objects.filter(site=site, pk=key_id) if _is_id(key_id) else None
    key = keys.first() if keys is not None else None
    if keys is None or key is None:
        return Used()
    keys.update(uses_made=F("uses_made") + 1)
    if _is_id(relay_id):
        _note_door(key, int(relay_id))
    return Used(key.name)


def _note_door(key: TempKey, relay_id: int) -> None:
    if not Relay.objects.filter(pk=relay_id, device__site=key.site_id).exists():
        return  # removed since, or another house's
    uses = DoorUse.objects.filter(key=key, relay_id=relay_id)
    if uses.update(made=F("made") + 1):
        return
    try:
        with transaction.atomic():
            DoorUse.objects.create(key=key, relay_id=relay_id, made=1)
    except IntegrityError:
        uses.update(made=F("made") + 1)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
