"""A bridge that does not read harms nobody but itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from portico.gateway import bridge_session, bridge_sessions
from portico.protocols.bridge import messages as wire
from tests.gateway.memory_bridges import House, soon
from tests.waiting import LONGEST_SECONDS

pytestmark = [pytest.mark.unit, pytest.mark.bare]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_session, "SEND_SECONDS", 0.05)
    monkeypatch.setattr(bridge_sessions, "POLL_SECONDS", 0.01)


def play(scenario: Callable[[House], Awaitable[None]]) -> None:
    async def bounded() -> None:
        # It would hang for ever without its bound.
        async with asyncio.timeout(LONGEST_SECONDS):
            await scenario(House())

    asyncio.run(bounded())


def test_answer_that_nobody_reads_ends_the_session() -> None:
    async def scenario(house: House) -> None:
        bridge = await house.connected()
        bridge.reads.clear()
        bridge.send(wire.Ping(1))

        await bridge.serving
        assert not house.sessions._by_bridge
        assert not house.sessions._by_site

    play(scenario)


def test_push_that_nobody_reads_wakes_the_reader() -> None:
    async def scenario(house: House) -> None:
        bridge = await house.connected()
        bridge.reads.clear()
        house.domain.revision = "2"
        house.sessions.hint("roster.changed", {"site": str(house.domain.site)})

        await bridge.serving
        assert not house.sessions._by_bridge

    play(scenario)


def test_silent_bridge_that_does_not_read_stops_no_touches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bridge_sessions, "TOUCH_SECONDS", 0.02)
    monkeypatch.setattr(bridge_session, "SEND_SECONDS", 3_600.0)

    async def scenario(house: House) -> None:
        stuck = await house.connected()
        stuck.reads.clear()
        house.sessions._by_bridge[stuck.id].heard_at = time.monotonic() - 100
        running = asyncio.create_task(house.sessions.run())

        await soon(lambda: len(house.domain.touched) > 2)
        assert house.domain.touched[-1] == []
        running.cancel()
        stuck.serving.cancel()

    play(scenario)


def test_newer_session_need_not_wait_for_an_older_that_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bridge_session, "SEND_SECONDS", 3_600.0)

    async def scenario(house: House) -> None:
        older = await house.connected()
        older.reads.clear()
        newer = await house.connected(older.id)

        newer.send(wire.Ping(7))
        assert (await newer.next()).n == 7
        older.serving.cancel()
        newer.serving.cancel()

    play(scenario)


def test_stop_does_not_wait_for_who_does_not_read() -> None:
    async def scenario(house: House) -> None:
        stuck, well = await house.connected(), await house.connected()
        stuck.reads.clear()
        await house.sessions.close()

        assert await well.next() == 1012
        await asyncio.gather(stuck.serving, well.serving)
        assert not house.sessions._by_bridge

    play(scenario)


def test_end_of_an_older_session_leaves_the_sites_newer_one() -> None:
    async def scenario(house: House) -> None:
        older = await house.connected()
        newer = await house.connected()  # another box of the same site
        session = house.sessions._by_bridge[newer.id]
        house.sessions._drop(house.sessions._by_bridge[older.id])

        assert house.sessions._by_site == {str(house.domain.site): session}
        older.serving.cancel()
        newer.serving.cancel()

    play(scenario)


@pytest.mark.parametrize(
    ("told", "stored"),
    [
        ("http://192.168.1.5:8089", "http://192.168.1.5:8089"),
        ("https://[fd00::5]:8089", "https://[fd00::5]:8089"),
        ("http://" + "a" * 120, "http://" + "a" * 120),
        ("http://" + "a" * 121, ""),
        ("http://192.168.1.5/?x=", ""),
        ('http://box"><script>', ""),
        ("ftp://192.168.1.5", ""),
        (None, ""),
    ],
)
def test_only_a_plain_lan_address_is_kept(told: str | None, stored: str) -> None:
    async def scenario(house: House) -> None:
        bridge = house.bridge()
        await bridge.authenticate(told)

        assert house.domain.lan == [stored]
        bridge.serving.cancel()

    play(scenario)
