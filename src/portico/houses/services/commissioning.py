"""Ticking off what somebody has to look at before a house is handed over (SITE-12)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.houses.commissioning import Check, commissioning_of
from portico.houses.models import CheckMark
from portico.kernel.errors import NotVisible
from portico.sites.models import Site


@transaction.atomic
def set_mark(*, actor: User, site: Site, key: str, done: bool, now: datetime) -> None:
    """Tick a check off, or take that back; the caller has been shown ``site``.

    :raises NotVisible: the house has no such check, or it proves itself.
    """
    check = commissioning_of(site).find(key)
    if check is None or not check.is_by_hand:
        raise NotVisible
    if done:
        _mark, is_new = CheckMark.objects.get_or_create(
            site=site,
            item=key,
            defaults={"marked_by": str(actor.name or actor)[:127], "marked_at": now},
        )
        if is_new:
            _record(actor, site, check, "checked", now)
    elif CheckMark.objects.filter(site=site, item=key).delete()[0]:
        _record(actor, site, check, "unchecked", now)


def _record(actor: User, site: Site, check: Check, verb: str, now: datetime) -> None:
    record(
        actor=actor,
        action=f"site.{verb}",
        subject=site,
        organization_id=site.organization_id,
        site_id=site.pk,
        after={"step": check.step.value, "what": check.name},
        now=now,
    )
