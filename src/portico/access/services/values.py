"""No PIN and no card opens for two in one house: a constraint is the arbiter."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portico.access.errors import TakenValue
from portico.access.models import Credential, HeldValue, TempKey
from portico.access.rules import value_digest
from portico.access.selectors import dead_keys


@transaction.atomic
def hold_credential_value(*, credential: Credential, now: datetime) -> None:
    """Take the value of ``credential`` for it alone.

    :raises TakenValue: somebody of the house has it.
    """
    digest = value_digest(credential.site_id, credential.kind, credential.value)
    _free_dead(credential.site_id, now)
    held = HeldValue(site_id=credential.site_id, digest=digest, credential=credential)
    _hold(held)


@transaction.atomic
def hold_key_value(*, key: TempKey, now: datetime) -> None:
    """Take the PIN of ``key`` for it alone. :raises TakenValue: as above."""
    digest = value_digest(key.site_id, "pin", key.pin)
    _free_dead(key.site_id, now)
    _hold(HeldValue(site_id=key.site_id, digest=digest, temp_key=key))


def _hold(held: HeldValue) -> None:
    try:
        with transaction.atomic():
            held.save(force_insert=True)
    except IntegrityError:
        # Not whose: he who asks may be no friend of his.
        raise TakenValue(
            _("This one is already in use in this house. Choose another."),
            field="value",
        ) from None


def _free_dead(site_id: uuid.UUID, now: datetime) -> None:
    HeldValue.objects.filter(site_id=site_id, temp_key__in=dead_keys(now)).delete()
