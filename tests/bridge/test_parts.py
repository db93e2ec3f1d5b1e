"""Small parts on their own: clock, back-off, addresses, the HTTP door, the outbox."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest

from portico.bridge import limits, notes
from portico.bridge.address import LanAddress, lan_address, lan_host
from portico.bridge.clock import ServerClock
from portico.bridge.device_http import lan_session
from portico.bridge.http_door import HttpDoor, Request, Response
from portico.bridge.lan import Lan
from portico.bridge.outbox import Begun, Outbox
from portico.bridge.retry import Backoff
from portico.bridge.settings import Settings
from portico.bridge.store import Store
from portico.bridge.unit import Unit
from portico.protocols.akuvox.action_url import EventKind
from portico.protocols.bridge.envelope import (
    CommandResult,
    CommandState,
    Event,
    Roster,
    RosterDevice,
)

pytestmark = pytest.mark.unit


class Time:
    """A steady clock and a wall clock, moved by hand."""

    def __init__(self) -> None:
        self.steady = 50.0
        self.wall = 1_700_000_000.0

    def clock(self, known_ms: int = 0) -> ServerClock:
        return ServerClock(
            known_ms=known_ms, monotonic=lambda: self.steady, wall=lambda: self.wall
        )


def test_clock_takes_the_middle_of_the_shortest_round_trip() -> None:
    time = Time()
    clock = time.clock()
    clock.learn(sent=50.0, received=52.0, server_ms=1_000_000)
    time.steady = 52.0
    assert clock.now_ms() == 1_001_000
    # Shorter, and believed: 100 ms at most 50 ms off.
    clock.learn(sent=60.0, received=60.1, server_ms=1_009_500)
    time.steady = 60.1
    assert clock.now_ms() == 1_009_550
    # Longer, and not believed.
    clock.learn(sent=70.0, received=75.0, server_ms=1_017_000)
    time.steady = 80.1
    assert clock.now_ms() == 1_029_550


def test_clock_forgets_old_samples() -> None:
    time = Time()
    clock = time.clock()
    clock.learn(sent=50.0, received=50.01, server_ms=1_000_000)
    clock.learn(sent=300.0, received=300.2, server_ms=2_000_000)
    time.steady = 300.2
    assert clock.now_ms() == 2_000_100


def test_clock_does_not_care_for_the_wall_once_synced() -> None:
    time = Time()
    clock = time.clock()
    clock.learn(sent=50.0, received=50.0, server_ms=1_000_000)
    time.wall = 0.0
    assert clock.now_ms() == 1_000_000


def test_clock_before_the_first_sample_is_never_behind_what_was_known() -> None:
    time = Time()
    time.wall = 0.0
    clock = time.clock(known_ms=5_000_000)
    time.steady += 3
    assert not clock.is_synced
    assert clock.now_ms() == 5_003_000
    time.wall = 9_000.0
    assert clock.now_ms() == 9_000_000


def test_backoff_doubles_up_to_its_limit() -> None:
    backoff = Backoff(0.5, 60.0, lambda: 1.0)
    assert [backoff.next() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert [backoff.next(300.0) for _ in range(4)] == [60, 120, 240, 300]
    assert backoff.next() == 60
    backoff.reset()
    assert backoff.next() == 0.5


def test_backoff_jitter_is_full() -> None:
    assert Backoff(0.5, 60.0, lambda: 0.0).next() == 0.0


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.168.1.20", LanAddress("192.168.1.20", 80)),
        ("10.0.0.1:8080", LanAddress("10.0.0.1", 8080)),
        ("172.31.255.255", LanAddress("172.31.255.255", 80)),
        ("169.254.3.4", LanAddress("169.254.3.4", 80)),
        ("127.0.0.1:1", LanAddress("127.0.0.1", 1)),
        ("[fd00::5]:81", LanAddress("fd00::5", 81)),
        ("fe80::1", LanAddress("fe80::1", 80)),
        ("::ffff:192.168.1.20", LanAddress("192.168.1.20", 80)),
        ("172.32.0.1", None),
        ("8.8.8.8", None),
        ("::ffff:8.8.8.8", None),
        ("0.0.0.0", None),  # noqa: S104
        ("224.0.1.75", None),
        ("100.64.0.1", None),
        ("2001:db8::1", None),
        ("fe80::1%eth0", None),
        ("localhost", None),
        ("intercom.local", None),
        ("192.168.1.20:0", None),
        ("192.168.1.20:65536", None),
        ("192.168.1.20:\u0661", None),
        ("192.168.1.20:80/x", None),
        ("u@192.168.1.20", None),
        ("3232235796", None),
        ("0xc0a80114", None),
        ("192.168.1", None),
        ("", None),
        ("[", None),
    ],
)
def test_lan_address(text: str, address: LanAddress | None) -> None:
    assert lan_address(text) == address


def test_lan_address_spelling() -> None:
    assert str(LanAddress("10.0.0.1")) == "10.0.0.1"
    assert str(LanAddress("fd00::5", 81)) == "[fd00::5]:81"
    assert LanAddress("fd00::5").base == "http://[fd00::5]:80"
    assert lan_host("10.0.0.1") == "10.0.0.1"


@pytest.mark.parametrize(
    ("lan_url", "bound", "expected"),
    [
        ("http://intercom.lan:1/", ("0.0.0.0", 8089), "http://intercom.lan:1"),  # noqa: S104
        ("", ("192.168.1.5", 8089), "http://192.168.1.5:8089"),
        ("", ("fd00::5", 8089), "http://[fd00::5]:8089"),
        ("", ("0.0.0.0", 8089), "http://127.0.0.1:8089"),  # noqa: S104
    ],
)
def test_lan_base(lan_url: str, bound: tuple[str, int], expected: str) -> None:
    settings = Settings(
        server="http://127.0.0.1:1",
        data=Path(),
        listen=bound,
        name="",
        lan_url=lan_url,
    )
    assert settings.lan_base(bound) == expected


async def talk(door: HttpDoor, raw: bytes) -> bytes:
    host, port = await door.open("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(raw)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    await door.close()
    return answer


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /a?b HTTP/1.1\r\n\r\n", 200),
        (b"GET /a?b HTTP/1.0\r\nHost: x\r\n\r\n", 200),
        (b"GET /a?b\xff\xfe HTTP/1.1\r\n\r\n", 200),
        (b"POST /a?b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 200),
        (b"POST /a?b HTTP/1.1\r\ncontent-length:16385\r\n\r\n", 413),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"PUT /a HTTP/1.1\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\n\r\n", 400),
        (b"GET /a HTTP/2.0\r\n\r\n", 400),
        (b"GET /a", 400),
        (b"", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    ],
)
def test_http_door(raw: bytes, status: int) -> None:
    seen: list[Request] = []

    async def handle(request: Request) -> Response:
        seen.append(request)
        return Response(200, {"X-Test": "1"})

    answer = asyncio.run(talk(HttpDoor(handle), raw))

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert len(seen) == (status == 200)
    if seen:
        assert b"\r\nX-Test: 1\r\n" in answer
        assert (seen[0].path, seen[0].source) == (b"/a", "127.0.0.1")
        assert seen[0].query.startswith(b"b")


def event(number: int, at: int) -> Event:
    data = {"remote": str(number)}
    return Event(uuid.uuid4(), "0C1105AABBCC", EventKind.MOTION, data, at)


def test_outbox_mends_guessed_times_once_the_server_is_heard(tmp_path: Path) -> None:
    time = Time()
    clock = time.clock()

    async def scenario() -> None:
        store = Store(tmp_path / "s")
        outbox = Outbox(store, clock)
        await outbox.add_event(event(1, clock.now_ms()))
        # The wall clock is set, and ten minutes pass.
        time.wall += 86_400
        time.steady += 600
        await outbox.add_event(event(2, clock.now_ms()))
        time.steady += 10
        clock.learn(sent=time.steady, received=time.steady, server_ms=2_000_000)
        await outbox.settle_times()
        found = await outbox.oldest(9, sent=())
        assert [message.at for message in found] == [1_390_000, 1_990_000]
        store.close()

    asyncio.run(scenario())


def test_outbox_sends_results_first_and_events_in_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = Time().clock()
        store = Store(tmp_path / "s")
        outbox = Outbox(store, clock)
        events = [event(number, number) for number in range(3)]
        for each in events:
            await outbox.add_event(each)
        result = CommandResult(uuid.uuid4(), CommandState.ACKNOWLEDGED, "", 9, 1)
        assert await outbox.begin(result.id) is Begun.NEW
        assert await outbox.begin(result.id) is Begun.RUNNING
        await outbox.finish(result)
        assert await outbox.oldest(9, sent=()) == [result, *events]
        assert await outbox.oldest(2, sent={result.id}) == events[:1]
        await outbox.forget([result.id, events[0].id, uuid.uuid4()])
        assert await outbox.oldest(9, sent=()) == events[1:]
        assert await outbox.begin(result.id) == result
        assert await outbox.oldest(9, sent=()) == [result, *events[1:]]
        await outbox.forget([result.id])
        assert await outbox.size() == 2
        store.close()

    asyncio.run(scenario())


def test_outbox_recovers_commands_without_an_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = Time().clock()
        store = Store(tmp_path / "s")
        outbox = Outbox(store, clock)
        command = uuid.uuid4()
        await outbox.begin(command)
        store.close()

        store = Store(tmp_path / "s")
        again = Outbox(store, clock)
        assert await again.recover() == 1
        assert await again.recover() == 0
        found = await again.oldest(9, sent=())
        assert isinstance(found[0], CommandResult)
        assert (found[0].id, found[0].reason) == (command, "unknown_outcome")
        store.close()

    asyncio.run(scenario())


def test_outbox_forgets_old_commands_but_not_open_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portico.bridge.outbox.MAX_JOURNAL", 2)

    async def scenario() -> None:
        store = Store(tmp_path / "s")
        outbox = Outbox(store, Time().clock())
        ids = [uuid.uuid4() for _ in range(4)]
        for number, each in enumerate(ids):
            await outbox.begin(each)
            if number:
                state = CommandState.FAILED
                await outbox.finish(CommandResult(each, state, "expired", 1, 1))
        await outbox.begin(uuid.uuid4())
        count = await store.read(
            lambda db: db.execute("SELECT id FROM command ORDER BY seq").fetchall()
        )
        assert [row[0] for row in count[:2]] == [str(ids[0]), str(ids[3])]
        store.close()

    asyncio.run(scenario())


def test_the_known_time_never_goes_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store(tmp_path / "s")
        assert await notes.last_known_time(store) == 0
        await notes.note_time(store, 7)
        await notes.note_time(store, 5)
        assert await notes.last_known_time(store) == 7
        assert await notes.last_roster(store) is None
        store.close()

    asyncio.run(scenario())


def test_limits_agree_with_the_contract() -> None:
    assert limits.POLL_EVERY[1] + limits.LAN_TOTAL < limits.VERIFIED_FOR
    assert limits.POLL_EVERY[1] < limits.LAN_KEEPALIVE
    assert limits.PRESENCE_AT_LEAST_EVERY < 20


class FlakyUnit(Unit):
    """Its first poll fails in a way that nobody thought of."""

    polls = 0

    async def poll(self) -> bool:
        self.polls += 1
        if self.polls == 1:
            raise KeyError("nobody thought of this")
        return True


def test_a_watcher_that_fails_is_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portico.bridge.lan.POLL_EVERY", (0.01, 0.01))
    monkeypatch.setattr("portico.bridge.lan.Unit", FlakyUnit)

    async def scenario() -> None:
        async with lan_session() as session:
            lan = Lan(session, Time().clock())
            device = RosterDevice("0C1105AABBCC", "", None, "", "", "", "", "s")
            await lan.update(Roster("1", (device,)))
            async with asyncio.timeout(5):
                await lan.changed.wait()
            await lan.close()

    asyncio.run(scenario())
