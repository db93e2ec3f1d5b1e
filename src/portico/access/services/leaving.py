"""Somebody leaves a house, and what he has given out ends with him."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portico.access.models import TempKey
from portico.access.selectors import live_keys_of, live_temp_keys
from portico.access.services.credentials import forget_credentials, revoke_all_of
from portico.access.services.temp_keys import end_key, revoke_temp_key
from portico.accounts.models import User
from portico.sites.models import Resident, Site
from portico.sites.services.people import delete_family_member


@transaction.atomic
def let_member_go(*, actor: User, resident: Resident, now: datetime) -> None:
    """Delete a family member; what he opens with and the guest codes that he has made
    end at once.

    Who is put out of a house must not come back in with a code of his own.

    :raises MasterStays: he is the family master.
    :raises NotVisible: somebody else has deleted him.
    """
    for key in live_keys_of(resident, now).select_related("site"):
        revoke_temp_key(actor=actor, key=key, now=now)
    revoke_all_of(actor=actor, resident=resident, now=now)
    delete_family_member(actor=actor, resident=resident, now=now)


@transaction.atomic
def forget_keys(*, actor: User, site: Site, now: datetime) -> None:
    """Delete all temp keys and credentials of ``site``; keys in force end first.

    Its units are told when the house is planned next: the people of it have changed.
    """
    for key in live_temp_keys([site], now).select_related("site"):
        end_key(actor=actor, key=key, now=now)
    TempKey.objects.filter(site=site).delete()
    forget_credentials(site=site)
