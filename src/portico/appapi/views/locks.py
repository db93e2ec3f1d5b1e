"""Third-party locks in the app (DEV-6).

No description of the clients' tells of them: the fields of ``lock_dev_list`` beside ``id``
and ``location`` (which are as those of ``camera_dev_list``) and the parameter ``lock_id``
of ``opendoor`` are *inferred*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from portico.appapi.homes import home_at, place
from portico.appapi.http import failure, small_number, success
from portico.appapi.waiting import wait_for
from portico.devices.enums import OPEN_STATES, CommandChannel, CommandState
from portico.kernel.errors import NotVisible
from portico.locks.enums import LockReason
from portico.locks.selectors import get_lock_of_homes, locks_of_homes, opening_state
from portico.locks.services.opening import request_open
from portico.sites.rules import app_works

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portico.sites.models import Resident

# Numbers of rows; more digits are nobody's.
_MOST_ID = 2**53


def lock_confs(homes: Sequence[Resident]) -> list[dict[str, Any]]:
    """The locks of the houses, house by house."""
    order = {home.site_id: number for number, home in enumerate(homes)}
    found = []
    for lock in locks_of_homes(homes):
        if lock.site_id is not None:
            conf = {
                "id": str(lock.pk),
                "location": place(homes, lock.site_id, lock.name),
                "battery": lock.battery,
                "status": int(lock.is_online is not False and lock.is_listed),
                "lock_status": lock.bolt,
            }
            found.append((order[lock.site_id], conf))
    return [conf for _order, conf in sorted(found, key=lambda one: one[0])]


def open_lock(
    request: HttpRequest, homes: Sequence[Resident], key: str
) -> HttpResponse:
    """Open and wait for the vendor's answer, under the same rule as a door.

    :raises NotVisible: no lock of his houses.
    """
    lock_id = small_number(request.POST["lock_id"], _MOST_ID)
    if lock_id is None:
        raise NotVisible
    lock = get_lock_of_homes(homes, lock_id)
    if lock.site_id is None:
        raise NotVisible
    resident = home_at(homes, lock.site_id)
    command = request_open(
        actor=resident.user,
        lock=lock,
        channel=CommandChannel.APP,
        idempotency_key=key,
        refusal=None if app_works(resident, now()) else LockReason.NO_SERVICE,
        now=now(),
    )
    state, reason = wait_for(command, resident.site_id, opening_state)
    if state == CommandState.ACKNOWLEDGED:
        return success()
    if state in OPEN_STATES:
        return failure(_("The door was asked to open and has not answered yet."))
    known = LockReason(reason) if reason else LockReason.UNKNOWN_OUTCOME
    return failure(str(known.label))
