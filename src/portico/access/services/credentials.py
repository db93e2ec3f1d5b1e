"""What residents open with: given, and taken away again (LOG-1)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from portico.access.enums import CredentialKind
from portico.access.errors import BadCredential, TakenValue
from portico.access.models import Credential, HeldValue, Schedule
from portico.access.photos import Photo
from portico.access.rules import BY_BRIDGE, MOST, check_card, check_pin
from portico.access.services.faces import erase_face, keep_face
from portico.access.services.planning import plan_site
from portico.access.services.values import hold_credential_value
from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.models import Relay
from portico.kernel.outbox import publish_on_commit
from portico.kernel.rows import hold
from portico.protocols import rolling
from portico.sites.models import Resident, Site
from portico.sites.rules import premium_missing
from portico.sites.selectors import entitlements_of

# Of those that Portico makes up: a PIN that is quick to type, a code that is only shown.
_DIGITS = {CredentialKind.PIN: 6, CredentialKind.QR: 8}
_HINT = 4
_TRIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialData:
    """What the form of one credential holds.

    ``value`` empty: Portico makes one up. ``relays`` empty: every door of the house that
    has this method. ``schedule`` None: always.
    """

    kind: CredentialKind
    value: str = field(default="", repr=False)
    label: str = ""
    relays: Sequence[Relay] = ()
    schedule: Schedule | None = None
    photo: Photo | None = None


@transaction.atomic
def add_credential(
    *, actor: User, resident: Resident, data: CredentialData, now: datetime
) -> Credential:
    """Give ``resident`` a credential; the units are told at once where they can be.

    A face takes the place of the one that he has.

    :raises BadCredential: the value cannot be one, he has enough of this kind, or a door
        or schedule is another house's.
    :raises TakenValue: somebody of the house has the same value.
    :raises PlanNeeded: a dynamic QR code, and the Premium Plan does not run.
    :raises NotVisible: he was deleted in the meantime.
    """
    site = resident.site
    hold(resident)
    if data.kind == CredentialKind.FACE:
        _end_face(actor, resident, data, now)
    _check_room(resident, data.kind)
    _check_plan(site, data, now)
    if any(relay.device.site_id != site.pk for relay in data.relays) or (
        data.schedule is not None and data.schedule.site_id != site.pk
    ):
        raise BadCredential(_("This door or schedule does not exist."))
    if data.photo is not None and data.kind == CredentialKind.FACE:
        credential = _created(resident, data, "", now)
        keep_face(credential=credential, photo=data.photo)
    else:
        credential = _made(resident, data, now)
    credential.relays.set(data.relays)
    _changed(actor, credential, "credential.added", now)
    return credential


@transaction.atomic
def revoke_credential(*, actor: User, credential: Credential, now: datetime) -> None:
    """End ``credential``: no unit holds it any more from the moment that it is told."""
    if _end(credential, now):
        _changed(actor, credential, "credential.revoked", now)


def revoke_all_of(*, actor: User, resident: Resident, now: datetime) -> None:
    """End everything that ``resident`` opens with."""
    live = Credential.objects.filter(resident=resident, revoked_at=None)
    for credential in live.select_related("site", "resident__user"):
        revoke_credential(actor=actor, credential=credential, now=now)


def forget_credentials(*, site: Site) -> None:
    """Delete all credentials of a house, and the schedules that were made for them.

    The units are told by whoever plans the house next.
    """
    Credential.objects.filter(site=site).delete()
    Schedule.objects.filter(site=site).delete()


def _check_room(resident: Resident, kind: CredentialKind) -> None:
    most = MOST.get(kind, 1)
    held = Credential.objects.filter(resident=resident, kind=kind, revoked_at=None)
    if held.count() < most:
        return
    if most == 1:
        text = _("One of these per person. Revoke the one that there is first.")
    else:
        text = _("At most %(count)d of these per person. Revoke one first.")
    raise BadCredential(text % {"count": most}, field="value")


def _end_face(
    actor: User, resident: Resident, data: CredentialData, now: datetime
) -> None:
    if data.photo is None:
        raise BadCredential(_("Choose a photo."), field="photo")
    faces = Credential.objects.filter(resident=resident, kind=CredentialKind.FACE)
    for former in faces.filter(revoked_at=None):
        if _end(former, now):
            _note(actor, former, "credential.revoked", now)


def _check_plan(site: Site, data: CredentialData, now: datetime) -> None:
    if data.kind != CredentialKind.DYNAMIC_QR:
        return
    refusal = premium_missing(site, entitlements_of(site), now)
    if refusal is not None:
        raise refusal
    if data.schedule is not None:
        raise BadCredential(_("A dynamic QR code has no schedule."), field="schedule")


def _made(resident: Resident, data: CredentialData, now: datetime) -> Credential:
    """The row with its value, which is held for it alone."""
    is_made_up = not data.value.strip() or data.kind == CredentialKind.DYNAMIC_QR
    for attempt in range(_TRIES):
        value = _new_value(data.kind) if is_made_up else _checked(data)
        try:
            with transaction.atomic():
                credential = _created(resident, data, value, now)
                hold_credential_value(credential=credential, now=now)
        except TakenValue:
            if not is_made_up or attempt == _TRIES - 1:
                raise
        else:
            return credential
    raise AssertionError  # the loop returns or raises


def _created(
    resident: Resident, data: CredentialData, value: str, now: datetime
) -> Credential:
    return Credential.objects.create(
        site=resident.site,
        resident=resident,
        kind=data.kind,
        value=value,
        label=data.label.strip(),
        hint=_hint(data.kind, value),
        opens_all=not data.relays,
        schedule=data.schedule,
        created_at=now,
    )


def _checked(data: CredentialData) -> str:
    if data.kind in {CredentialKind.PIN, CredentialKind.QR}:
        return check_pin(data.value)
    return check_card(data.value)


def _new_value(kind: CredentialKind) -> str:
    if kind not in _DIGITS:
        if kind == CredentialKind.BLUETOOTH:
            return secrets.token_hex(8).upper()
        if kind == CredentialKind.DYNAMIC_QR:
            return rolling.new_secret()
        raise BadCredential(_("Enter the number of the card."), field="value")
    return new_code(_DIGITS[kind])


def shown_code(credential: Credential, now: datetime) -> str:
    """The dynamic QR code of this moment; empty: it has none any more."""
    is_dynamic = credential.kind == CredentialKind.DYNAMIC_QR
    if not is_dynamic or not credential.value:
        return ""
    return rolling.code_now(credential.value, now)


def new_code(digits: int) -> str:
    """A random code that :func:`check_pin` takes."""
    while True:
        code = f"{secrets.randbelow(9 * 10 ** (digits - 1)):0{digits}d}"
        if len(set(code)) > 1:
            return code


def _hint(kind: CredentialKind, value: str) -> str:
    # Four digits of a PIN would be all of it.
    is_shown = kind in {CredentialKind.CARD, CredentialKind.NFC}
    return "" if not is_shown or len(value) <= _HINT else value[-_HINT:]


def _end(credential: Credential, now: datetime) -> bool:
    rows = Credential.objects.filter(pk=credential.pk, revoked_at=None)
    if not rows.update(revoked_at=now, value=""):
        return False
    HeldValue.objects.filter(credential=credential).delete()
    erase_face(credential=credential)
    return True


def _changed(actor: User, credential: Credential, action: str, now: datetime) -> None:
    _note(actor, credential, action, now)
    if credential.kind in BY_BRIDGE:
        publish_on_commit("roster.changed", site=str(credential.site_id))
    else:
        plan_site(site=credential.site, now=now)


def _note(actor: User, credential: Credential, action: str, now: datetime) -> None:
    site = credential.site
    record(
        actor=actor,
        action=action,
        subject=credential,
        organization_id=site.organization_id,
        site_id=site.pk,
        after={
            "resident": credential.resident.user.name,
            "kind": credential.kind,
            "label": credential.label,
            "hint": credential.hint,
        },
        now=now,
    )
