"""Limits that hold over all processes: counted in the database, one row per key."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from portico.accounts.errors import TooManyTries
from portico.accounts.models import ThrottleWindow


def spend(*, what: str, key: str, limit: int, per: timedelta, now: datetime) -> None:
    """Count one try of ``what`` by ``key`` (an address, an account name).

    :raises TooManyTries: more than ``limit`` within a window of ``per``. The refused
        try is counted in a transaction of its own or not at all; either way it stays
        refused.
    """
    name = _name(what, key)
    with transaction.atomic():
        windows = ThrottleWindow.objects.filter(key=name)
        fresh = {"started_at": now, "count": 1}
        if windows.filter(started_at__lte=now - per).update(**fresh):
            return
        below = windows.filter(count__lt=limit)
        if below.update(count=F("count") + 1):
            return
        _, created = ThrottleWindow.objects.get_or_create(key=name, defaults=fresh)
        # Of two first tries at the same moment the second finds the other's row.
        if created or below.update(count=F("count") + 1):
            return
    raise TooManyTries


def forgive(*, what: str, key: str) -> None:
    """Count no more what was tried before: who has now shown that he knows guesses not."""
    ThrottleWindow.objects.filter(key=_name(what, key)).delete()


def _name(what: str, key: str) -> str:
    digest = hashlib.sha256(key.encode()).hexdigest()[:40]
    return f"{what}:{digest}"
