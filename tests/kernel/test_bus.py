from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portico.kernel.bus import Bus, Payload
from portico.kernel.bus.local import LocalBus
from portico.kernel.bus.nats import NatsBus
from tests.nats import free_port, running_nats, short_folder
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]
MakeBus = Callable[[], Bus]


@pytest.fixture
def nats_url() -> Iterator[str]:
    with running_nats() as url:
        yield url


def make_local(folder: Path) -> Iterator[MakeBus]:
    made: list[Bus] = []

    def make() -> Bus:
        made.append(LocalBus(folder))
        return made[-1]

    yield make
    for each in made:
        each.close()


def make_nats(url: str) -> Iterator[MakeBus]:
    made: list[Bus] = []

    def make() -> Bus:
        fresh = NatsBus([url])
        assert fresh.wait_ready(10)
        made.append(fresh)
        return fresh

    yield make
    for each in made:
        each.close()


@pytest.fixture(params=["local", "nats"])
def make_bus(request: pytest.FixtureRequest) -> Iterator[MakeBus]:
    """Makes processes' views of one bus."""
    if request.param == "local":
        folder = short_folder()
        yield from make_local(folder)
        shutil.rmtree(folder)
    else:
        yield from make_nats(request.getfixturevalue("nats_url"))


def collect(bus: Bus) -> list[tuple[str, Payload]]:
    heard: list[tuple[str, Payload]] = []
    bus.listen(lambda subject, payload: heard.append((subject, payload)))
    return heard


def test_hint_reaches_every_listener_of_every_process(make_bus: MakeBus) -> None:
    sender, receiver = make_bus(), make_bus()
    heard = [collect(receiver), collect(receiver), collect(sender)]
    hint = ("command.requested", {"command": "1", "online": True})

    # A subscription takes a moment to be known to the server.
    def all_heard() -> bool:
        sender.publish(*hint)
        return all(heard)

    eventually(all_heard)

    assert [each[0] for each in heard] == [hint] * 3


def test_listener_that_stopped_hears_nothing(make_bus: MakeBus) -> None:
    sender = make_bus()
    kept = collect(sender)
    stopped: list[str] = []
    stop = sender.listen(lambda subject, payload: stopped.append(subject))
    stop()

    def is_kept() -> bool:
        sender.publish("a", {})
        return bool(kept)

    eventually(is_kept)

    assert stopped == []


def test_payload_that_is_no_hint_is_refused(make_bus: MakeBus) -> None:
    with pytest.raises(ValueError, match="too large"):
        make_bus().publish("a", {"text": "x" * 9000})


def test_local_bus_forgets_processes_that_died() -> None:
    folder = short_folder()
    folder.mkdir(mode=0o700)
    dead = folder / "1-dead.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abandoned:
        abandoned.bind(str(dead))
    bus = LocalBus(folder)
    bus.publish("a", {})
    bus.close()

    assert not dead.exists()
    shutil.rmtree(folder)


def test_local_bus_folder_is_private(tmp_path: Path) -> None:
    bus = LocalBus(tmp_path / "bus")
    bus.close()

    assert (tmp_path / "bus").stat().st_mode & 0o777 == 0o700


def test_nats_that_is_away_loses_hints_and_nothing_else() -> None:
    bus = NatsBus([f"nats://127.0.0.1:{free_port()}"])
    bus.publish("a", {})
    bus.close()


def test_closing_while_it_connects_ends_its_thread() -> None:
    # The moment in which a try has just failed is short.
    for number in range(60):
        bus = NatsBus([f"nats://127.0.0.1:{free_port()}"])
        time.sleep(number % 10 / 1_000)
        bus.close()
        assert not bus._thread.is_alive()
