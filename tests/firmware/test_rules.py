"""Waves, hours and limits, from plain values."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.firmware.enums import UpgradeState
from portico.firmware.rules import (
    FOREVER,
    Hours,
    Target,
    is_over_limit,
    local_moment,
    open_until,
    opens_at,
    order_of,
    plan_waves,
)
from portico.firmware.states import (
    CAMPAIGNS,
    DEVICES,
    ENDED,
    FLYING,
    OPEN,
    PROJECTIONS,
    TOUCHED,
    WAVES,
)

SITES = [uuid.UUID(int=number) for number in range(6)]


@st.composite
def shares(draw: st.DrawFn) -> tuple[int, ...]:
    ends = draw(st.sets(st.integers(1, 99), max_size=8))
    marks = [0, *sorted(ends), 100]
    return tuple(b - a for a, b in pairwise(marks))


@given(
    devices=st.lists(st.tuples(st.sampled_from(SITES), st.booleans()), max_size=60),
    parts=shares(),
)
def test_waves_hold_every_device_once_and_no_two_entrances_of_a_house(
    devices: list[tuple[uuid.UUID, bool]], parts: tuple[int, ...]
) -> None:
    targets = [Target(number, *one) for number, one in enumerate(devices)]
    waves = plan_waves(targets, parts)
    assert sorted(t.device_id for wave in waves for t in wave) == list(
        range(len(targets))
    )
    assert all(waves)
    for wave in waves:
        doors = Counter(t.site_id for t in wave if t.is_entrance)
        assert not doors or max(doors.values()) == 1
    most = Counter(t.site_id for t in targets if t.is_entrance)
    assert len(waves) <= len(parts) + max(most.values(), default=0)


def test_a_wave_has_its_share_of_all() -> None:
    targets = [Target(n, uuid.UUID(int=n), True) for n in range(200)]
    assert [len(w) for w in plan_waves(targets, (1, 9, 90))] == [2, 18, 180]
    assert [len(w) for w in plan_waves(targets[:3], (1, 9, 90))] == [1, 1, 1]


@pytest.mark.parametrize(
    ("failed", "tried", "forgiven", "expected"),
    [
        (0, 100, 0, False),
        (1, 1, 0, False),  # too few to tell
        (1, 5, 0, False),  # 20 % is not more than 20 %
        (2, 5, 0, True),
        (4, 100, 0, False),
        (5, 1000, 0, True),  # the cap
        (5, 10, 5, False),  # looked at
        (6, 10, 5, False),
        (7, 12, 5, True),
        (10, 1000, 5, True),
    ],
)
def test_error_limit(failed: int, tried: int, forgiven: int, expected: bool) -> None:
    assert (
        is_over_limit(
            failed=failed,
            tried=tried,
            forgiven=forgiven,
            percent=20,
            sample=5,
            cap=5,
        )
        is expected
    )


NIGHT = Hours(time(23, 0), time(5, 0))


def test_hours_are_those_of_the_site() -> None:
    at = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
    assert open_until(NIGHT, "UTC", at) is None
    assert opens_at(NIGHT, "UTC", at) == at + timedelta(minutes=30)
    # Half past eleven in Berlin.
    assert open_until(NIGHT, "Europe/Berlin", at) == at + timedelta(hours=5.5)
    assert open_until(None, "UTC", at) == FOREVER


@given(
    start=st.times(),
    end=st.times(),
    minutes=st.integers(0, 525_600),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_hours_open_again_and_end_later(
    start: time, end: time, minutes: int, zone: str
) -> None:
    hours = Hours(start, end)
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    until = open_until(hours, zone, now)
    if until is None:
        opens = opens_at(hours, zone, now)
        assert now < opens <= now + timedelta(hours=49)
    else:
        assert until > now


def test_a_time_is_that_of_the_sites_clock() -> None:
    moment = local_moment("2026-11-30T02:00", "America/New_York")
    assert moment == datetime(2026, 11, 30, 7, tzinfo=UTC)
    with pytest.raises(ValueError, match="next Tuesday"):
        local_moment("next Tuesday", "UTC")


def test_versions_are_compared_by_number() -> None:
    assert order_of("29.30.9.1") < order_of("29.30.10.1")
    assert order_of("beta") == ()


def test_tables_are_whole() -> None:
    assert set(DEVICES) == set(UpgradeState) == set(PROJECTIONS)
    assert all(set(after) <= set(UpgradeState) for after in DEVICES.values())
    for table in (DEVICES, WAVES, CAMPAIGNS):
        reached = {state for after in table.values() for state in after}
        first = next(iter(table))
        assert reached | {first} >= set(table)
    assert set(OPEN) | set(ENDED) == set(UpgradeState)
    assert set(TOUCHED) < set(FLYING) < set(OPEN)
    # Past the point of no return nothing is taken back, and it is never offered again.
    for state in TOUCHED:
        assert not DEVICES[state] & {
            UpgradeState.CANCELLED,
            UpgradeState.WAITING,
            UpgradeState.QUEUED,
            UpgradeState.OFFERED,
        }
