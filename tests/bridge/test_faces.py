"""A photo is for one unit, for minutes, at an address that nobody guesses."""

from __future__ import annotations

import pytest

from portico.bridge.clock import ServerClock
from portico.bridge.faces import FaceShelf
from portico.bridge.limits import FACE_GOOD_FOR

pytestmark = [pytest.mark.unit, pytest.mark.bare]

UNIT = "192.168.1.20"


class Clock(ServerClock):
    """A clock that stands until it is told."""

    passed = 0.0

    def monotonic(self) -> float:
        return self.passed


def named(url: str) -> str:
    return url.removeprefix("http://192.168.1.2:8190/f/")


def shelf_with(clock: Clock) -> FaceShelf:
    shelf = FaceShelf(clock)
    shelf.base = "http://192.168.1.2:8190"
    return shelf


def test_a_photo_is_for_its_unit_alone() -> None:
    shelf = shelf_with(Clock())
    with shelf.offer(b"jpeg", UNIT) as offer, shelf.offer(b"other", UNIT) as second:
        assert offer.url != second.url
        assert shelf.take(named(offer.url), "192.168.1.21") is None
        assert shelf.take("guessed.jpg", UNIT) is None
        assert not offer.fetched.is_set()
        assert shelf.take(named(offer.url), UNIT) == b"jpeg"
        # A listener on `::` sees the unit so.
        assert shelf.take(named(offer.url), f"::ffff:{UNIT}") == b"jpeg"
        assert offer.fetched.is_set()
        assert not second.fetched.is_set()
        assert "jpeg'" not in repr(offer)
    assert shelf.take(named(offer.url), UNIT) is None


def test_a_photo_is_offered_for_minutes() -> None:
    clock = Clock()
    shelf = shelf_with(clock)
    with shelf.offer(b"jpeg", UNIT) as offer:
        clock.passed = FACE_GOOD_FOR - 1
        assert shelf.take(named(offer.url), UNIT) == b"jpeg"
        clock.passed = FACE_GOOD_FOR
        assert shelf.take(named(offer.url), UNIT) is None
