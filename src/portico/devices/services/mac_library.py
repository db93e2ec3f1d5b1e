"""The MACs that a distributor's installers may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.catalogue import find_model
from portico.devices.errors import (
    ImportRefused,
    MacAlreadyListed,
    MacInUse,
    MacMalformed,
    UnknownModel,
)
from portico.devices.models import Device, MacEntry
from portico.kernel.mac import InvalidMac, parse_mac
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.models import Organization
from portico.tenancy.selectors import distributor_of, organization_of

# More in one file is split by the person; 20,000 rows load in some seconds.
MAX_IMPORT_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class MacRow:
    """One row of an import: as typed, as read, and what is wrong with it."""

    number: int
    typed: str
    mac: str
    model: str
    problem: str = ""


def read_mac(text: str) -> str:
    """``text`` as a MAC.

    :raises MacMalformed: with a message for the field.
    """
    try:
        return parse_mac(text)
    except InvalidMac:
        raise MacMalformed(
            _("A MAC has 12 hexadecimal digits, for example 0C:11:05:12:34:56.")
        ) from None


def _read_model(text: str) -> str:
    if not text.strip():
        return ""
    model = find_model(text)
    if model is None:
        raise UnknownModel(
            _("The model %(model)s is not in the catalogue.") % {"model": text.strip()}
        )
    return model.key


@transaction.atomic
def add_mac(*, actor: User, mac: str, model: str, now: datetime) -> MacEntry:
    """Put one MAC into the library of the actor's distributor organisation.

    :raises NotVisible: ``actor`` is not of a distributor.
    :raises MacMalformed: not a MAC.
    :raises UnknownModel: a model that the catalogue does not know.
    :raises MacAlreadyListed: it stands in a library already, whoever's.
    """
    distributor = organization_of(actor, OrganizationKind.DISTRIBUTOR)
    try:
        with transaction.atomic():
            entry = MacEntry.objects.create(
                mac=read_mac(mac),
                distributor=distributor,
                model=_read_model(model),
                created_at=now,
            )
    except IntegrityError:
        raise MacAlreadyListed(_("This MAC is already in a library.")) from None
    _audit(actor, distributor, "mac.added", entry, now, model=entry.model)
    return entry


@transaction.atomic
def remove_mac(*, actor: User, entry: MacEntry, now: datetime) -> None:
    """Take ``entry`` out of the library; distributors and their installers may.

    :raises MacInUse: a device has it.
    """
    if Device.objects.filter(mac=entry.mac).exists():
        raise MacInUse(_("A device uses this MAC. Delete the device first."))
    _audit(actor, entry.distributor, "mac.removed", entry, now, model=entry.model)
    entry.delete()


def check_rows(rows: Sequence[tuple[int, str, str]]) -> list[MacRow]:
    """Read ``rows`` of (row number, MAC, model) and say what is wrong with each."""
    read = [_read_row(number, mac, model) for number, mac, model in rows]
    macs = {row.mac for row in read if row.mac}
    listed = _listed(macs)
    seen: set[str] = set()
    checked: list[MacRow] = []
    for row in read:
        problem = row.problem
        if row.mac and row.mac in seen:
            problem = _("This MAC stands in the file twice.")
        elif row.mac in listed:
            problem = _("This MAC is already in a library.")
        seen.add(row.mac)
        checked.append(MacRow(row.number, row.typed, row.mac, row.model, problem))
    return checked


def _listed(macs: set[str]) -> set[str]:
    ordered, found = sorted(macs), set()
    for start in range(0, len(ordered), 500):  # below every database's variable limit
        part = ordered[start : start + 500]
        found |= set(
            MacEntry.objects.filter(mac__in=part).values_list("mac", flat=True)
        )
    return found


def _read_row(number: int, mac: str, model: str) -> MacRow:
    try:
        return MacRow(number, mac, read_mac(mac), _read_model(model))
    except (MacMalformed, UnknownModel) as error:
        return MacRow(number, mac, "", model, str(error))


@transaction.atomic
def import_macs(
    *, actor: User, rows: Sequence[tuple[int, str, str]], now: datetime
) -> int:
    """Load all ``rows`` or none; returns how many.

    :raises NotVisible: ``actor`` is not of a distributor.
    :raises ImportRefused: there are too many, none, or any row is in error.
    """
    distributor = organization_of(actor, OrganizationKind.DISTRIBUTOR)
    if not rows or len(rows) > MAX_IMPORT_ROWS:
        raise ImportRefused(
            _("A file holds between 1 and %(count)d rows.") % {"count": MAX_IMPORT_ROWS}
        )
    checked = check_rows(rows)
    if any(row.problem for row in checked):
        raise ImportRefused(_("Some rows are in error; nothing was loaded."))
    try:
        with transaction.atomic():
            MacEntry.objects.bulk_create(
                [
                    MacEntry(
                        mac=row.mac,
                        model=row.model,
                        distributor=distributor,
                        created_at=now,
                    )
                    for row in checked
                ],
                batch_size=1_000,
            )
    except IntegrityError:  # somebody added one of them since it was checked
        raise ImportRefused(_("Some rows are in error; nothing was loaded.")) from None
    record(
        actor=actor,
        action="mac.imported",
        subject=distributor,
        organization_id=distributor.pk,
        after={"count": len(checked)},
        now=now,
    )
    return len(checked)


def library_entry(organization: Organization, mac: str) -> MacEntry | None:
    """The entry of ``mac`` in the library that ``organization`` buys from."""
    distributor = distributor_of(organization)
    return MacEntry.objects.filter(mac=mac, distributor=distributor).first()


def _audit(
    actor: User,
    distributor: Organization,
    action: str,
    entry: MacEntry,
    now: datetime,
    **after: str,
) -> None:
    record(
        actor=actor,
        action=action,
        subject=entry,
        organization_id=distributor.pk,
        after=after,
        now=now,
    )
