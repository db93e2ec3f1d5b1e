"""Houses and residents from a file: all of them or none.

A job makes the houses, some at a time, each batch with its count in one transaction, so
that a run that dies goes on where it was and nothing is made twice. Nobody is told until
all are there. A row that cannot be made after all (somebody has taken its email
meanwhile) takes everything back, batch by batch, too.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.houses.enums import UNDER_WAY, ImportState
from portico.houses.models import HouseImport, HouseImportSite
from portico.houses.services.turnover import delete_house
from portico.houses.sheet import Household, as_plain, from_plain
from portico.kernel.errors import DomainError
from portico.kernel.queue import enqueue
from portico.sites.models import Resident, Site
from portico.sites.services.people import add_family_member
from portico.sites.services.registration import register_house
from portico.sites.services.residents import welcome
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.selectors import organization_of

LOAD = "houses.load"
# Each batch holds the database's one writer (SQLite) for some tenths of a second.
BATCH = 20
# A preview that nobody went on with, and what came of the others, are forgotten.
KEPT = timedelta(days=7)

Clock = Callable[[], datetime]


@transaction.atomic
def keep_import(
    *, actor: User, file_name: str, households: Sequence[Household], now: datetime
) -> HouseImport:
    """Keep a file that is in order until it is ordered to be loaded.

    :raises NotVisible: ``actor`` is of no installer.
    """
    company = organization_of(actor, OrganizationKind.INSTALLER)
    return HouseImport.objects.create(
        organization=company,
        requested_by=actor,
        file_name=file_name[:127],
        rows=json.dumps([as_plain(one) for one in households]),
        houses_total=len(households),
        created_at=now,
        touched_at=now,
    )


@transaction.atomic
def start_import(*, house_import: HouseImport, now: datetime) -> bool:
    """Have it loaded; False: it was ordered before."""
    rows = HouseImport.objects.filter(pk=house_import.pk, state=ImportState.READY)
    if not rows.update(state=ImportState.LOADING, touched_at=now):
        return False
    record(
        actor=house_import.requested_by,
        action="house_import.started",
        subject=house_import,
        organization_id=house_import.organization_id,
        after={"houses": house_import.houses_total},
        now=now,
    )
    enqueue(LOAD, import_id=str(house_import.pk))
    return True


def run_import(*, import_id: uuid.UUID, clock: Clock) -> None:
    """Do what is still to do for an import; safe to run twice, also at once."""
    house_import = HouseImport.objects.filter(pk=import_id).first()
    if house_import is None or not house_import.is_under_way:
        return
    rows = json.loads(house_import.rows)
    households = [from_plain(one) for one in rows]
    while _step(import_id, households, clock()):
        pass


def _step(import_id: uuid.UUID, households: Sequence[Household], now: datetime) -> bool:
    """One batch; False: there is nothing left to do."""
    try:
        with transaction.atomic():
            return _batch(import_id, households, now)
    except _RowRefused as refused:
        HouseImport.objects.filter(pk=import_id, state=ImportState.LOADING).update(
            state=ImportState.UNDOING,
            failed_row=refused.row,
            failure=refused.reason[:255],
            touched_at=now,
        )
        return True


class _RowRefused(Exception):
    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row, self.reason = row, reason


def _batch(
    import_id: uuid.UUID, households: Sequence[Household], now: datetime
) -> bool:
    # Held: of two runs at once the second waits, and goes on from what the first did.
    held = HouseImport.objects.select_for_update().select_related("requested_by")
    one = held.filter(pk=import_id, state__in=UNDER_WAY).first()
    if one is None:
        return False
    match one.state:
        case ImportState.LOADING:
            _make(one, households, now)
        case ImportState.TELLING:
            _tell(one, now)
        case _:
            _take_back(one, now)
    return True


def _make(one: HouseImport, households: Sequence[Household], now: datetime) -> None:
    some = households[one.houses_done : one.houses_done + BATCH]
    for number, household in enumerate(some, start=one.houses_done):
        try:
            site = _household(one.requested_by, household, now)
        except DomainError as error:
            raise _RowRefused(household.row, str(error)) from error
        HouseImportSite.objects.create(house_import=one, site=site, number=number)
    done = one.houses_done + len(some)
    changes: dict[str, object] = {"houses_done": done, "touched_at": now}
    if done >= one.houses_total:
        changes["state"] = ImportState.TELLING
    _save(one, changes)


def _household(actor: User, household: Household, now: datetime) -> Site:
    site = register_house(actor=actor, data=household.house, tell=False, now=now)
    for member in household.members:
        add_family_member(actor=actor, site=site, data=member, tell=False, now=now)
    return site


def _tell(one: HouseImport, now: datetime) -> None:
    made = HouseImportSite.objects.filter(
        house_import=one, number__gte=one.houses_told
    ).order_by("number")
    sites = [row.site_id for row in made[:BATCH]]
    people = Resident.objects.select_related("user", "site").filter(
        site__in=sites, registered_at=None
    )
    for person in people.order_by("pk"):
        welcome(resident=person, now=now)
    # One that was deleted since is told nothing, and counts all the same.
    told = min(one.houses_told + BATCH, one.houses_total)
    changes: dict[str, object] = {"houses_told": told, "touched_at": now}
    if told >= one.houses_total:
        changes |= {"state": ImportState.DONE, "rows": ""}
        _record(one, "done", {"houses": one.houses_total}, now)
    _save(one, changes)


def _take_back(one: HouseImport, now: datetime) -> None:
    made = HouseImportSite.objects.select_related("site").filter(house_import=one)
    some = list(made.order_by("-number")[:BATCH])
    for row in some:
        delete_house(actor=one.requested_by, site=row.site, now=now)
    left = made.count()
    changes: dict[str, object] = {"houses_done": left, "touched_at": now}
    if not left:
        changes |= {"state": ImportState.FAILED, "rows": ""}
        _record(one, "failed", {"row": one.failed_row, "reason": one.failure}, now)
    _save(one, changes)


def _save(one: HouseImport, changes: dict[str, object]) -> None:
    HouseImport.objects.filter(pk=one.pk).update(**changes)


def _record(
    one: HouseImport, verb: str, after: dict[str, object], now: datetime
) -> None:
    record(
        actor=one.requested_by,
        action=f"house_import.{verb}",
        subject=one,
        organization_id=one.organization_id,
        after=after,
        now=now,
    )


def purge_imports(*, now: datetime) -> None:
    """Forget imports that are over or were never ordered, and wake those that sleep."""
    old = HouseImport.objects.filter(created_at__lt=now - KEPT)
    old.exclude(state__in=UNDER_WAY).delete()
    quiet = HouseImport.objects.filter(
        state__in=UNDER_WAY, touched_at__lt=now - timedelta(minutes=10)
    )
    for import_id in quiet.values_list("pk", flat=True):
        enqueue(LOAD, unique_key=f"import:{import_id}", import_id=str(import_id))


def forget_import(*, house_import: HouseImport) -> None:
    """Drop an import that is not at work; the houses that it made stay."""
    rows = HouseImport.objects.filter(pk=house_import.pk)
    rows.exclude(state__in=UNDER_WAY).delete()
