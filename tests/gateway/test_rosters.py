"""Rosters reach their bridges in order, and in the end."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from portico.access.errors import BadTempKey
from portico.access.services import temp_keys
from portico.gateway import bridge_sessions, rosters
from portico.kernel.clock import utcnow
from portico.protocols.bridge import messages as wire
from portico.protocols.bridge.envelope import Nonsense
from tests.gateway.memory_bridges import House, MemoryBridge, soon
from tests.waiting import LONGEST_SECONDS

pytestmark = [pytest.mark.unit]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_sessions, "POLL_SECONDS", 0.01)


def play(scenario: Callable[[House, MemoryBridge], Awaitable[None]]) -> None:
    """``scenario`` with a connected bridge and the polls running."""

    async def bounded() -> None:
        async with asyncio.timeout(LONGEST_SECONDS):
            house = House()
            bridge = await house.connected()
            running = asyncio.create_task(house.sessions.run())
            await scenario(house, bridge)
            running.cancel()
            bridge.serving.cancel()

    asyncio.run(bounded())


def hint(house: House) -> None:
    house.sessions.hint("roster.changed", {"site": str(house.domain.site)})


def test_older_roster_is_never_sent_after_a_newer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(house: House, bridge: MemoryBridge) -> None:
        session = house.sessions._by_bridge[bridge.id]
        may_go = asyncio.Event()

        async def slow(bridge_id: uuid.UUID) -> tuple[wire.Roster, dict[str, int]]:
            roster = wire.Roster(house.domain.revision, ())
            if roster.revision == "2":
                await may_go.wait()
            return roster, {}

        monkeypatch.setattr(house.domain, "roster", slow)
        house.domain.revision = "2"
        first = asyncio.create_task(session.send_roster())
        await asyncio.sleep(0)
        house.domain.revision = "3"
        second = asyncio.create_task(session.send_roster())
        await asyncio.sleep(0)
        may_go.set()
        await asyncio.gather(first, second)

        assert [(await bridge.next()).revision for _ in "23"] == ["2", "3"]

    play(scenario)


def test_roster_that_the_database_did_not_give_is_asked_for_again() -> None:
    async def scenario(house: House, bridge: MemoryBridge) -> None:
        asked = house.domain.rosters_asked
        house.domain.is_down = True
        house.domain.revision = "2"
        hint(house)
        await soon(lambda: house.domain.rosters_asked > asked)
        house.domain.is_down = False

        assert (await bridge.next()).revision == "2"

    play(scenario)


def test_lost_hint_is_healed_by_the_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rosters, "ROUND_SECONDS", 0.05)

    async def scenario(house: House, bridge: MemoryBridge) -> None:
        house.domain.revision = "2"
        assert (await bridge.next()).revision == "2"

    play(scenario)


def test_bridge_that_is_gone_is_sent_away_without_a_hint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rosters, "ROUND_SECONDS", 0.05)

    async def scenario(house: House, bridge: MemoryBridge) -> None:
        house.domain.revision = ""
        assert await bridge.next() == 4403
        await bridge.serving
        assert not house.sessions._by_bridge

    play(scenario)


def test_roster_that_cannot_be_sent_leaves_the_session_and_the_old_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(house: House, bridge: MemoryBridge) -> None:
        async def too_large(bridge_id: uuid.UUID) -> Any:
            raise Nonsense("oversized")

        with monkeypatch.context() as patch:
            patch.setattr(house.domain, "roster", too_large)
            await house.sessions._by_bridge[bridge.id].send_roster()
        bridge.send(wire.Ping(3))
        assert (await bridge.next()).n == 3
        house.domain.revision = "2"
        hint(house)
        assert (await bridge.next()).revision == "2"

    play(scenario)


def test_ten_thousand_idle_bridges_are_fifty_checks_a_second() -> None:
    class Idle:
        roster_failed = False
        asked = 0

        async def send_roster(self) -> None:
            Idle.asked += 1

    async def scenario() -> None:
        tasks: list[asyncio.Task[None]] = []

        def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            tasks.append(asyncio.create_task(work))
            return tasks[-1]

        by_site: Any = {str(number): Idle() for number in range(10_000)}
        checks = rosters.Rosters(by_site, spawn)
        for second in range(1, 4):
            checks.check()
            await tasks[50 * (second - 1) + second - 1]
            assert Idle.asked == 50 * second

    asyncio.run(scenario())


@pytest.mark.django_db
def test_a_house_has_a_limited_number_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from tests.factories import make_device, make_installer, make_site

    monkeypatch.setattr(temp_keys, "MAX_LIVE_KEYS", 2)
    installer = make_installer()
    site = make_site(installer)
    device = make_device(site, installer)
    now = utcnow()

    def make(until: timedelta) -> None:
        temp_keys.create_temp_key(
            actor=installer,
            site=site,
            name="Guest",
            relays=list(device.relays.all()),
            starts_at=now - timedelta(hours=2),
            ends_at=now + until,
            uses_allowed=1,
            now=now,
        )

    make(timedelta(hours=1))
    make(timedelta(hours=1))
    with pytest.raises(BadTempKey, match="2 keys"):
        make(timedelta(hours=1))
