"""Credentials and temp keys, seen by those whose house they open."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, QuerySet

from portico.access.models import TempKey
from portico.kernel.errors import NotVisible
from portico.sites.models import Resident, Site

# Of a 64-bit id.
_MOST_ID_DIGITS = 18


def temp_keys_of(resident: Resident) -> QuerySet[TempKey]:
    """The house's temp keys that were not revoked, newest first."""
    return (
        TempKey.objects.filter(site=resident.site, revoked_at=None)
        .prefetch_related("relays__device")
        .order_by("-created_at", "-pk")
    )


def get_temp_key(resident: Resident, key_id: str) -> TempKey:
    """One temp key of the resident's house.

    :raises NotVisible: unknown, revoked, or another house's.
    """
    is_id = key_id.isascii() and key_id.isdigit() and len(key_id) <= _MOST_ID_DIGITS
    found = temp_keys_of(resident).filter(pk=key_id).first() if is_id else None
    if found is None:
        raise NotVisible
    return found


def live_temp_keys(site: Site, now: datetime) -> QuerySet[TempKey]:
    """Keys of ``site`` that open something now or later."""
    return TempKey.objects.filter(
        site=site, revoked_at=None, ends_at__gt=now, uses_made__lt=F("uses_allowed")
    ).prefetch_related("relays")


def live_keys_of(resident: Resident, now: datetime) -> QuerySet[TempKey]:
    """Keys that ``resident`` has made and that open something now or later."""
    return live_temp_keys(resident.site, now).filter(created_by=resident.user)


def temp_key_by_id(key_id: int) -> TempKey | None:
    """A key that was not revoked, for who holds a signed address of it."""
    return TempKey.objects.filter(pk=key_id, revoked_at=None).first()
