from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from portico.appapi import waiting
from portico.appapi.waiting import Place, Places, wait_seconds
from portico.devices.enums import CommandState
from tests.appapi.support import House
from tests.conftest import MemoryBus
from tests.waiting import eventually

pytestmark = pytest.mark.unit


def places_of(houses: list[str]) -> list[Place]:
    """What those who come one after the other get, while all of them wait."""
    places = Places()
    with ExitStack() as stack:
        return [stack.enter_context(places.place(house)) for house in houses]


@pytest.mark.parametrize(
    ("houses", "expected"),
    [
        (["a"], [Place.LONG]),
        (["a", "b"], [Place.LONG, Place.LONG]),
        (["a", "a", "a"], [Place.LONG, Place.SHORT, Place.NONE]),
        (["a", "a", "b"], [Place.LONG, Place.SHORT, Place.LONG]),
        (
            ["a", "b", "c", "d", "e"],
            [Place.LONG, Place.LONG, Place.SHORT, Place.NONE, Place.NONE],
        ),
    ],
)
def test_one_thread_of_four_is_always_free(
    houses: list[str], expected: list[Place]
) -> None:
    assert places_of(houses) == expected


def test_a_place_is_given_back() -> None:
    places = Places()
    for _ in range(5):
        with places.place("a") as first, places.place("a") as second:
            assert (first, second) == (Place.LONG, Place.SHORT)


def test_a_place_is_given_back_after_a_fault() -> None:
    places = Places()
    with pytest.raises(RuntimeError), places.place("a"):
        raise RuntimeError
    with places.place("a") as place:
        assert place is Place.LONG


def test_the_most_impatient_client_gets_an_answer() -> None:
    # One gives up after five seconds; a command itself is given up after thirteen.
    assert waiting.WAIT_SECONDS < 5
    assert Place.NONE.value == 0


def test_a_hint_wakes_the_waiting_thread(
    bus: MemoryBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look comes with the hint of the answer, long before it would by itself."""
    command_id = uuid.uuid4()
    looks: list[uuid.UUID] = []
    monkeypatch.setattr(waiting, "_LOOK_SECONDS", 60.0)

    def look(command_id: uuid.UUID) -> tuple[CommandState, str]:
        looks.append(command_id)
        return CommandState.ACKNOWLEDGED, ""

    monkeypatch.setattr(waiting, "command_state", look)
    result: list[tuple[CommandState, str]] = []
    thread = threading.Thread(
        target=lambda: result.append(wait_seconds(command_id, 60.0))
    )
    thread.start()
    eventually(lambda: bool(waiting._waiters._events))
    mine = {"command": str(command_id)}
    bus.publish("command.changed", {"command": str(uuid.uuid4()), "state": "failed"})
    bus.publish("command.changed", mine | {"state": "sent"})
    bus.publish("something.else", {})
    assert looks == []
    bus.publish("command.changed", mine | {"state": "acknowledged"})
    thread.join(10)

    assert not thread.is_alive()
    assert result == [(CommandState.ACKNOWLEDGED, "")]


def test_a_lost_hint_costs_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([CommandState.SENT, CommandState.SENT, CommandState.ACKNOWLEDGED])
    monkeypatch.setattr(waiting, "_LOOK_SECONDS", 0.001)
    monkeypatch.setattr(waiting, "command_state", lambda _id: (next(looks), ""))

    assert wait_seconds(uuid.uuid4(), 60.0) == (CommandState.ACKNOWLEDGED, "")


@pytest.mark.parametrize("look", [lambda: None])
def test_a_command_that_is_gone_has_failed(
    monkeypatch: pytest.MonkeyPatch, look: Callable[[], None]
) -> None:
    monkeypatch.setattr(waiting, "command_state", lambda _id: look())

    assert wait_seconds(uuid.uuid4(), 60.0) == (CommandState.FAILED, "")


def test_nobody_stays_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "command_state", lambda _id: (CommandState.SENT, ""))
    wait_seconds(uuid.uuid4(), 0)

    assert not waiting._waiters._events


@pytest.mark.django_db
def test_an_unknown_command_has_failed(house: House) -> None:
    del house
    assert wait_seconds(uuid.uuid4(), 1) == (CommandState.FAILED, "")
