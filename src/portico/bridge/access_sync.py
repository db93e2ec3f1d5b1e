"""Writing who may open into the units' own lists, and reading it back.

One unit after its own orders, several units side by side. Every exchange with a unit
takes its turn alone, so an opening waits for one of them at most.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog

from portico.bridge.access_list import Office
from portico.bridge.address import lan_address
from portico.bridge.clock import ServerClock
from portico.bridge.errors import OpeningFailed
from portico.bridge.faces import FaceShelf
from portico.bridge.limits import FACE_WITHIN
from portico.bridge.unit import Unit
from portico.protocols import user_lists as users
from portico.protocols.akuvox.local_api import Request
from portico.protocols.bridge.access import (
    AccessList,
    AccessReport,
    AccessUser,
    Refusal,
    ReportState,
)
from portico.protocols.user_lists import Item, Lists

log = structlog.get_logger()
_T = TypeVar("_T")

# S5xx answer bursts of more than some eight requests a second with 401 (PY); polls and
# openings need some of them.
_PER_SECOND: Final = 6
_SECOND: Final = 1.05
# How often such a 401 is waited out before it counts as one.
_PATIENCE: Final = 2
# Units take a thousand at once with pauses between (SY); small blocks give way sooner.
_BLOCK: Final = 50
_BLOCK_PAUSE: Final = 0.1
# An answer that did not come leaves open what was done: read all again, and go on.
_ATTEMPTS: Final = 4
_AGAIN_AFTER: Final = 1.0
_WORTH_IT: Final = frozenset({"gave_way", "no_answer", "unknown_outcome"})
# Half of the time after which the server gives an order up.
_TELL_EVERY: Final = 20.0
# More pages than any unit has: one that gives the same for ever ends here.
_MOST_PAGES: Final = 5_000
# So many refusals in a row are not about single entries: the list is full.
_REFUSALS: Final = 3


class Superseded(Exception):
    """A newer order for the same unit is there."""


class AccessSyncs:
    """The orders to write lists: the newest of each unit, one at a time."""

    def __init__(self, clock: ServerClock, shelf: FaceShelf) -> None:
        self._clock = clock
        self._shelf = shelf
        # Set once the bridge knows its server.
        self.office: Office | None = None
        self._orders: dict[str, tuple[UUID, Unit]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, command: UUID, unit: Unit) -> None:
        """Take the order, in place of an older one for the unit.

        :raises OpeningFailed: there is no server to fetch the list from.
        """
        if self.office is None:
            raise OpeningFailed("no_list")
        mac = unit.device.mac
        self._orders[mac] = (command, unit)
        if mac not in self._tasks:
            task = asyncio.create_task(self._work(mac, self.office), name=f"sync {mac}")
            self._tasks[mac] = task

    async def close(self) -> None:
        """Give up what is under way; the server orders it again."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _work(self, mac: str, office: Office) -> None:
        try:
            while order := self._orders.pop(mac, None):
                await self._one(mac, office, *order)
        finally:
            del self._tasks[mac]

    async def _one(self, mac: str, office: Office, command: UUID, unit: Unit) -> None:
        photos = _Photos(command, office, self._shelf)
        sync = _Sync(unit, self._clock, photos, lambda: mac in self._orders)
        telling = asyncio.create_task(self._keep_telling(office, command))
        try:
            report = await sync.run(await office.fetch(command))
        except OpeningFailed as error:
            report = self._report(ReportState.FAILED, error.reason)
        except Superseded:
            log.info("access.superseded", mac=mac)
            return
        finally:
            telling.cancel()
        log.info(
            "access.synced",
            mac=mac,
            state=report.state,
            reason=report.reason,
            total=report.total,
            foreign=report.foreign,
        )
        await office.report(command, report)

    async def _keep_telling(self, office: Office, command: UUID) -> None:
        while True:
            await asyncio.sleep(_TELL_EVERY)
            await office.report(command, self._report(ReportState.WORKING, ""))

    def _report(self, state: ReportState, reason: str) -> AccessReport:
        return AccessReport(state, reason, "", self._clock.now_ms())


@dataclass(frozen=True, slots=True)
class _Photos:
    """Where the photos of an order come from, and where its unit fetches them."""

    command: UUID
    office: Office
    shelf: FaceShelf


@dataclass(slots=True)
class _Sync:
    """One unit's lists, from reading them to reading them back."""

    unit: Unit
    clock: ServerClock
    photos: _Photos
    is_stale: Callable[[], bool]
    _sent: deque[float] = field(default_factory=lambda: deque(maxlen=_PER_SECOND))
    _refused: dict[str, str] = field(default_factory=dict)
    # Entries whose photo the unit has fetched.
    _fetched: set[str] = field(default_factory=set)

    async def run(self, wanted: AccessList) -> AccessReport:
        """:raises OpeningFailed: see there. :raises Superseded: see there."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._attempt(wanted)
            except OpeningFailed as error:
                if attempt == _ATTEMPTS or error.reason not in _WORTH_IT:
                    raise
                log.info("access.again", mac=self.unit.device.mac, reason=error.reason)
                await asyncio.sleep(_AGAIN_AFTER)
        raise AssertionError  # the loop returns or raises

    async def _attempt(self, wanted: AccessList) -> AccessReport:
        self._refused.clear()
        self._fetched.clear()
        held = await self._lists()
        if await self._apply(wanted, held):
            held = await self._lists()
        found = users.standing(wanted, held, self._fetched)
        refused = tuple(
            Refusal(user.id, self._why(user, held)) for user in found.missing
        )
        return AccessReport(
            ReportState.DONE,
            "",
            wanted.revision,
            self.clock.now_ms(),
            present=tuple(user.mark for user in found.present),
            left=found.left,
            refused=refused,
            total=found.total,
            foreign=found.foreign,
        )

    def _why(self, user: AccessUser, held: Lists) -> str:
        reason = self._refused.get(user.id, "rejected")
        ignores = reason == "no_photo" and users.ignores_photo(held, user)
        return "not_supported" if ignores else reason

    async def _apply(self, wanted: AccessList, held: Lists) -> bool:
        """Make the unit hold ``wanted``; whether anything was to be done."""
        changes = users.difference(wanted, held)
        await self._change("user", "del", changes.delete_users)
        await self._change("schedule", "add", changes.add_schedules)
        await self._change("schedule", "set", changes.set_schedules)
        if changes.add_schedules:
            held = Lists(held.users, tuple(await self._all(users.SCHEDULE)))
            # Entries that could not name a schedule before can now.
            changes = users.difference(wanted, held)
        numbers = users.schedule_numbers(wanted, held.schedules)
        ids = users.item_ids(held)
        for action, every, own in (
            ("set", changes.set_users, ids),
            ("add", changes.add_users, dict[str, str]()),
        ):
            plain = [user for user in every if user.face is None]
            await self._write(action, plain, numbers, own)
            # Each takes its time; who opens otherwise does not wait for them.
            for user in every:
                if user.face is not None:
                    await self._write_face(action, user, numbers, own)
        await self._change("schedule", "del", changes.delete_schedules)
        return changes != users.Changes() or bool(self._refused)

    async def _lists(self) -> Lists:
        held = await self._all(users.USER)
        return Lists(tuple(held), tuple(await self._all(users.SCHEDULE)))

    async def _all(self, target: str) -> list[Item]:
        """All entries, page by page. A unit that knows no pages sends them at once."""
        found: list[Item] = []
        first: Item | None = None
        for number in range(1, _MOST_PAGES):
            items, count = await self._ask(
                users.get_page(target, number), users.read_page
            )
            if not items or (first is not None and items[0] == first):
                break
            first = first or items[0]
            found += items
            if count is not None and len(found) >= count:
                break
        return found

    async def _change(self, target: str, action: str, items: Sequence[Item]) -> None:
        for block in _blocks(items):
            await self._ask(users.change(target, action, block), users.read_changed)
            await asyncio.sleep(_BLOCK_PAUSE if len(items) > _BLOCK else 0)

    async def _write(
        self,
        action: str,
        wanted: Sequence[AccessUser],
        numbers: dict[str, str],
        ids: dict[str, str],
    ) -> None:
        """Write entries; one that is refused does not keep the others out."""
        in_a_row = 0
        for block in _blocks(wanted):
            if in_a_row >= _REFUSALS:
                self._refused |= {user.id: "full" for user in block}
                continue
            if await self._taken(action, block, numbers, ids):
                in_a_row = 0
                continue
            for user in block:
                if in_a_row >= _REFUSALS:
                    self._refused[user.id] = "full"
                elif await self._taken(action, [user], numbers, ids):
                    in_a_row = 0
                else:
                    in_a_row += 1
                    self._refused[user.id] = "rejected"
            await asyncio.sleep(_BLOCK_PAUSE if len(wanted) > _BLOCK else 0)

    async def _write_face(
        self,
        action: str,
        user: AccessUser,
        numbers: dict[str, str],
        ids: dict[str, str],
    ) -> None:
        """Have the unit fetch a photo; what it says of that afterwards is published
        nowhere, so that it has asked for the whole picture is what counts (inferred)."""
        shelf, address = (
            self.photos.shelf,
            lan_address(str(self.unit.presence().address)),
        )
        jpeg = await self.photos.office.photo(self.photos.command, user)
        if jpeg is None or address is None or shelf.base is None:
            self._refused[user.id] = "no_list"
            return
        with shelf.offer(jpeg, address.host) as offer:
            item = users.user_item(user, numbers, ids.get(user.id, ""), offer.url)
            is_taken = await self._accepted(action, [item])
            if is_taken:
                with suppress(TimeoutError):
                    await asyncio.wait_for(offer.fetched.wait(), FACE_WITHIN)
            if is_taken and offer.fetched.is_set():
                self._fetched.add(user.id)
            else:
                self._refused[user.id] = "no_photo"

    async def _taken(
        self,
        action: str,
        block: Sequence[AccessUser],
        numbers: dict[str, str],
        ids: dict[str, str],
    ) -> bool:
        items = [users.user_item(user, numbers, ids.get(user.id, "")) for user in block]
        return await self._accepted(action, items)

    async def _accepted(self, action: str, items: Sequence[Item]) -> bool:
        try:
            await self._ask(users.change(users.USER, action, items), users.read_changed)
        except OpeningFailed as error:
            if error.reason != "rejected":
                raise
            return False
        return True

    async def _ask(self, request: Request, read: Callable[[int, bytes], _T]) -> _T:
        """One exchange, at the pace that units bear."""
        for left in range(_PATIENCE, -1, -1):
            if self.is_stale():
                raise Superseded
            await self._pace()
            try:
                return await self.unit.ask(request, read, most=users.MAX_LIST_BYTES)
            except OpeningFailed as error:
                if error.reason != "unauthorized" or not left:
                    raise
            await asyncio.sleep(_SECOND)
        raise AssertionError  # the loop returns or raises

    async def _pace(self) -> None:
        now = self.clock.monotonic()
        if len(self._sent) == _PER_SECOND and now - self._sent[0] < _SECOND:
            await asyncio.sleep(_SECOND - (now - self._sent[0]))
        self._sent.append(self.clock.monotonic())


def _blocks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _BLOCK):
        yield items[start : start + _BLOCK]
