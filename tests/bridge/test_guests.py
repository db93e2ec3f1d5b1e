"""Guest codes: with or without internet, never more often than allowed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import sqlite3
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from portico.bridge.clock import ServerClock
from portico.bridge.errors import StoreFull
from portico.bridge.guests import Guests
from portico.bridge.limits import GUESS_WINDOW, GUESSES, GUEST_AGAIN_AFTER
from portico.bridge.outbox import Outbox
from portico.bridge.store import Store
from portico.protocols.bridge.envelope import Event, Guest, Roster, RosterDevice
from portico.protocols.bridge.messages import Hours
from portico.protocols.rolling import PERIOD, code_at
from tests.bridge.fake_device import MAC, envelope, running_device
from tests.bridge.fake_gateway import roster, roster_device, running_gateway
from tests.bridge.process import bridge

CODE = "482913"
SALT = bytes(range(16))
DIGEST = hmac.digest(SALT, CODE.encode(), hashlib.sha256)
NOW = 1_800_000_000_000


def entry(**changes: Any) -> dict[str, Any]:
    """A guest as the contract's JSON."""
    guest: dict[str, Any] = {
        "id": "g1",
        "salt": SALT.hex(),
        "digest": DIGEST.hex(),
        "relays": [2],
        "from": 0,
        "until": None,
        "uses_left": 1,
    }
    return guest | changes


@pytest.mark.integration
def test_a_guest_is_let_in_without_internet(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(
                roster_device(MAC, address=device.address, guests=[entry()])
            )
            async with bridge(gateway.url, tmp_path) as process:
                await gateway.online(MAC)
                await gateway.stop()
                assert await process.terminate() == 0
            # A power cut later, still without internet: the roster is on disk.
            async with bridge(gateway.url, tmp_path, token="") as process:
                wrong = await device.report(
                    process.listen, "InvalidCodeEntered", code="482914"
                )
                right = await device.report(
                    process.listen, "InvalidCodeEntered", code=CODE
                )
                assert (wrong, right) == (200, 200)
                await process.logged("guest.opened", guest="g1")
                assert [trig["num"] for trig in device.trigs] == [2]
                await process.kill()
            # The one use is spent, and stays so.
            async with bridge(gateway.url, tmp_path, token="") as process:
                await device.report(process.listen, "InvalidCodeEntered", code=CODE)
                await process.logged("guest.used_up")
                await gateway.start()
                await gateway.wait(lambda: len(gateway.of("event")) == 4)
                assert await process.terminate() == 0
            assert len(device.trigs) == 1
            kinds = [frame["kind"] for frame in gateway.of("event")]
            assert kinds.count("guest_opened") == 1
            assert kinds.count("code_refused") == 3
            opened = gateway.of("event", kind="guest_opened")[0]
            assert opened["mac"] == MAC
            assert opened["data"] == {
                "guest": "g1",
                "relay": 2,
                "status": "acknowledged",
            }
            assert abs(opened["at"] - gateway.now()) < 15_000

    asyncio.run(scenario())


@pytest.mark.integration
def test_a_door_that_stays_shut_costs_no_use(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:

            async def refuse(_: web.BaseRequest) -> web.StreamResponse:
                return envelope(retcode=-1, message="busy")

            device.answers["/api/relay/trig"] = refuse
            guests = [entry(uses_left=1)]
            gateway.roster = roster(
                roster_device(MAC, address=device.address, guests=guests)
            )
            async with bridge(gateway.url, tmp_path) as process:
                await gateway.online(MAC)
                await device.report(process.listen, "InvalidCodeEntered", code=CODE)
                await process.logged("guest.not_opened")
                await process.kill()
            device.answers.clear()
            async with bridge(gateway.url, tmp_path, token="") as process:
                await gateway.ready(2)
                await device.report(process.listen, "InvalidQRCodeEntered", qr=CODE)
                await process.logged("guest.opened")
            assert len(device.trigs) == 2

    asyncio.run(scenario())


@pytest.mark.integration
def test_a_kill_while_a_guest_is_let_in_opens_once_and_is_reported(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:

            async def hang(_: web.BaseRequest) -> web.StreamResponse:
                await asyncio.Event().wait()
                raise AssertionError

            device.answers["/api/relay/trig"] = hang
            gateway.roster = roster(
                roster_device(MAC, address=device.address, guests=[entry()])
            )
            async with bridge(gateway.url, tmp_path) as process:
                await gateway.online(MAC)
                await device.report(process.listen, "InvalidCodeEntered", code=CODE)
                await device.wait(lambda: device.trigs)
                assert gateway.of("event", kind="guest_opened") == []
                await process.kill()
            async with bridge(gateway.url, tmp_path, token="") as process:
                found = await gateway.wait(
                    lambda: gateway.of("event", kind="guest_opened")
                )
                assert found[0]["data"] == {"guest": "g1", "status": "unknown"}
                await device.report(process.listen, "InvalidCodeEntered", code=CODE)
                await process.logged("guest.used_up")
            assert len(device.trigs) == 1

    asyncio.run(scenario())


class Home:
    """Guests with a clock that the test moves."""

    def __init__(self, data: Path) -> None:
        self.steady = 1000.0
        self.store = Store(data / "test.sqlite3")
        self.clock = ServerClock(monotonic=lambda: self.steady, wall=lambda: 0.0)
        self.clock.learn(sent=1000.0, received=1000.0, server_ms=NOW)
        self.outbox = Outbox(self.store, self.clock)
        self.guests = Guests(self.store, self.outbox, self.clock)


def guest(**changes: Any) -> Guest:
    values: dict[str, Any] = {
        "id": "g1",
        "salt": SALT,
        "digest": DIGEST,
        "relays": (1,),
        "valid_from": 0,
        "until": None,
        "uses_left": None,
    }
    return Guest(**(values | changes))


def device_with(*guests: Guest) -> RosterDevice:
    return RosterDevice(MAC, "R20A", None, "", "", "", "", "secret", guests)


def at_home(
    scenario: Callable[[Home], Coroutine[Any, Any, None]],
) -> Callable[[Path], None]:
    def test(tmp_path: Path) -> None:
        home = Home(tmp_path)
        asyncio.run(scenario(home))
        home.store.close()

    return test


@pytest.mark.unit
@pytest.mark.parametrize(
    ("changes", "is_welcome"),
    [
        ({}, True),
        ({"valid_from": NOW}, True),
        ({"valid_from": NOW + 1}, False),
        ({"until": NOW + 1}, True),
        ({"until": NOW}, False),
    ],
)
def test_match_by_time(
    changes: dict[str, Any], is_welcome: bool, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    expected = guest(**changes)

    found = home.guests.match(device_with(expected), CODE)

    assert found == ([expected] if is_welcome else [])
    home.store.close()


@pytest.mark.unit
@pytest.mark.parametrize(
    "code", ["", "482914", "48291", "4829130", "四八二", "-1", " "]
)
def test_match_wants_the_exact_digits(code: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.guests.match(device_with(guest()), code) == []
    home.store.close()


@pytest.mark.unit
def test_match_not_twice_for_one_request(tmp_path: Path) -> None:
    home = Home(tmp_path)
    device = device_with(guest())

    assert home.guests.match(device, CODE)
    assert home.guests.match(device, CODE) == []
    home.steady += GUEST_AGAIN_AFTER
    assert home.guests.match(device, CODE)
    home.store.close()


@pytest.mark.unit
def test_match_pauses_after_guessing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    device = device_with(guest())
    for number in range(GUESSES):
        assert home.guests.match(device, f"{number:06d}") == []

    assert home.guests.match(device, CODE) == []
    home.steady += GUESS_WINDOW
    assert home.guests.match(device, CODE)
    home.store.close()


async def uses(home: Home, of: Guest) -> int:
    """How often this guest can still be let in."""
    count = 0
    while await home.guests.claim(device_with(of), of) is not None:
        count += 1
    return count


@pytest.mark.unit
@at_home
async def test_uses_are_counted_down_to_none(home: Home) -> None:
    limited = guest(uses_left=3)
    await home.guests.sync(Roster("1", (device_with(limited),)))

    assert await uses(home, limited) == 3


@pytest.mark.unit
@at_home
async def test_the_servers_late_count_gives_nothing_back(home: Home) -> None:
    async def told(left: int) -> None:
        new = guest(uses_left=left)
        await home.guests.sync(Roster("x", (device_with(new),)))

    limited = guest(uses_left=5)
    await told(5)
    for _ in range(3):
        assert await home.guests.claim(device_with(limited), limited) is not None
    await told(5)  # has not heard of any
    await told(4)  # has heard of the first
    await told(2)  # has heard of all
    assert await uses(home, limited) == 2
    await told(2)
    assert await uses(home, limited) == 0
    await told(6)  # somebody allows four more than before
    assert await uses(home, limited) == 4


@pytest.mark.unit
@at_home
async def test_a_use_can_be_given_back(home: Home) -> None:
    limited = guest(uses_left=1)
    device = device_with(limited)
    await home.guests.sync(Roster("1", (device,)))
    event = await home.guests.claim(device, limited)
    assert isinstance(event, Event)

    await home.guests.give_back(limited, event)

    assert await home.outbox.size() == 0
    assert await uses(home, limited) == 1


def rolling_guest(**changes: Any) -> tuple[RosterDevice, str]:
    """A device with a code that rolls, and what it is now."""
    secret = bytes(range(20))
    key = guest(only="qr", secret=secret, period=PERIOD, **changes)
    device = replace(device_with(), keys=(key,))
    return device, code_at(secret, NOW // 1000 // PERIOD)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("changes", "is_welcome"),
    [
        ({}, True),
        ({"until": NOW}, False),
        ({"valid_from": NOW + 1}, False),
        ({"hours": Hours("0123456", "00:00", "00:01", "UTC")}, False),
    ],
)
def test_a_code_that_rolls_has_conditions(
    changes: dict[str, Any], is_welcome: bool, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    device, code = rolling_guest(**changes)
    assert bool(home.guests.match(device, code, by_qr=True)) == is_welcome
    assert home.guests.match(device, code) == []  # at the keypad
    home.store.close()


@pytest.mark.unit
@at_home
async def test_a_code_that_rolls_opens_once_and_counts(home: Home) -> None:
    device, code = rolling_guest(uses_left=2)
    await home.guests.sync(Roster("1", (device,)))
    [first] = home.guests.match(device, code, by_qr=True)
    event = await home.guests.claim(device, first)
    assert event is not None
    assert event.data["guest"] == "g1"
    assert await home.guests.claim(device, first) is None
    # The door stayed shut: the code and the use are good once more.
    await home.guests.give_back(first, event)
    assert await home.guests.claim(device, first) is not None
    later = replace(first, id=f"g1@{NOW // 1000 // PERIOD + 1}")
    assert await home.guests.claim(device, later) is not None
    last = replace(first, id=f"g1@{NOW // 1000 // PERIOD + 2}")
    assert await home.guests.claim(device, last) is None


@pytest.mark.unit
@at_home
async def test_what_was_used_is_remembered_while_it_could_be_good(home: Home) -> None:
    device, code = rolling_guest()
    await home.guests.sync(Roster("1", (device,)))
    [found] = home.guests.match(device, code, by_qr=True)
    assert await home.guests.claim(device, found) is not None
    await home.guests.sync(Roster("2", (device_with(),)))
    assert await home.guests.claim(device, found) is None

    def notes(db: sqlite3.Connection) -> int:
        rows = db.execute("SELECT count(*) FROM note WHERE name LIKE 'rolled:%'")
        return int(rows.fetchone()[0])

    assert await home.store.write(notes) == 1
    home.steady += 20 * PERIOD + PERIOD
    await home.guests.sync(Roster("3", (device,)))
    assert await home.store.write(notes) == 1
    await home.guests.sync(Roster("4", (device_with(),)))
    assert await home.store.write(notes) == 0


@pytest.mark.unit
@at_home
async def test_an_unheld_event_goes_out_only_when_released(home: Home) -> None:
    device = device_with(guest())
    event = await home.guests.claim(device, guest())
    assert event is not None
    assert await home.outbox.oldest(10, sent=()) == []

    await home.outbox.release(event)

    assert await home.outbox.oldest(10, sent=()) == [event]


@pytest.mark.unit
def test_guests_find_room_where_events_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portico.bridge.outbox.MAX_EVENTS", 0)
    monkeypatch.setattr("portico.bridge.outbox.GUEST_HEADROOM", 1)

    @at_home
    async def scenario(home: Home) -> None:
        first = await home.guests.claim(device_with(guest()), guest())
        assert first is not None
        with pytest.raises(StoreFull):
            await home.outbox.add_event(first)
        with pytest.raises(StoreFull):
            await home.guests.claim(device_with(guest()), guest())

    scenario(tmp_path)
