"""The push buttons of a door phone's expansion modules (DEV-8)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.catalogue import all_models
from portico.devices.enums import MODULE_KEYS, ButtonTarget, PushModule
from portico.devices.errors import BadButton
from portico.devices.models import Device, PushButton
from portico.devices.services.registration import PUBLISH
from portico.kernel.queue import enqueue
from portico.kernel.rows import hold
from portico.notices.enums import NoticeKind
from portico.notices.services.telling import notify
from portico.sites.selectors import people_of

# What one key of the family calls at once (fleet platform in production).
MOST_NUMBERS = 8
_NUMBER = re.compile(r"[0-9*#+]{1,32}|[0-9]{1,3}(\.[0-9]{1,3}){3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonData:
    """One key that calls somebody; ``resident_id`` and ``numbers`` as the target needs."""

    key: int
    label: str = ""
    target: ButtonTarget
    resident_id: int | None = None
    numbers: Sequence[str] = field(default_factory=tuple)


@transaction.atomic
def set_buttons(
    *,
    actor: User,
    device: Device,
    module: PushModule,
    buttons: Sequence[ButtonData],
    now: datetime,
) -> bool:
    """Set all keys of ``module``; those that are left out call nobody.

    Returns whether anything is different. The unit gets it with its next file; those who
    look after the site are told.

    :raises BadButton: the model takes no such module, or a key is wrong.
    """
    device = hold(device)
    model = all_models().get(device.model)
    if model is None or module not in model.push_modules:
        raise BadButton(_("This model takes no such module."), field="module")
    people = {person.pk for person in people_of(device.site)}
    wanted = [_checked(module, button, people) for button in buttons]
    if len({one["key"] for one in wanted}) != len(wanted):
        raise BadButton(_("A key is listed twice."))
    mine = PushButton.objects.filter(device=device, module=module)
    names = ("key", "label", "target", "resident_id", "numbers")
    before = list(mine.order_by("key").values(*names))
    after = sorted(wanted, key=lambda one: str(one["key"]).zfill(2))
    if before == after:
        return False
    mine.delete()
    for one in after:
        PushButton.objects.create(device=device, module=module, **one)
    enqueue(PUBLISH, unique_key=f"publish:{device.pk}", device_id=device.pk)
    site = device.site
    record(
        actor=actor,
        action="device.buttons_set",
        subject=device,
        organization_id=site.organization_id,
        site_id=site.pk,
        before={"module": str(module), "keys": [one["key"] for one in before]},
        after={"module": str(module), "keys": [one["key"] for one in after]},
        now=now,
    )
    notify(
        organization_id=site.organization_id,
        kind=NoticeKind.MODULE_CHANGED,
        params={
            "module": module.label,
            "device": device.name,
            "site": site.room_name,
        },
        key=f"module:{device.pk}:{module}:{now.isoformat()}",
        now=now,
    )
    return True


def _checked(
    module: PushModule, button: ButtonData, people: set[int]
) -> dict[str, object]:
    """The columns of one key. :raises BadButton: with the key in its words."""
    known = {"key": button.key}
    if not 1 <= button.key <= MODULE_KEYS[module]:
        raise BadButton(
            _("This module has %(count)d keys.") % {"count": MODULE_KEYS[module]}
        )
    numbers = [text.strip() for text in button.numbers if text.strip()]
    is_member = button.target == ButtonTarget.MEMBER
    is_number = button.target == ButtonTarget.NUMBER
    if is_member and button.resident_id not in people:
        raise BadButton(_("Key %(key)d: choose a person of this house.") % known)
    if is_number and not 1 <= len(numbers) <= MOST_NUMBERS:
        text = _("Key %(key)d: enter one to %(most)d numbers.")
        raise BadButton(text % (known | {"most": MOST_NUMBERS}))
    if is_number and not all(map(_NUMBER.fullmatch, numbers)):
        raise BadButton(
            _("Key %(key)d: a number has digits, * # +, or is an IP address.") % known
        )
    return {
        "key": button.key,
        "label": button.label.strip()[:63],
        "target": button.target,
        "resident_id": button.resident_id if is_member else None,
        "numbers": numbers if is_number else [],
    }
