from __future__ import annotations

from datetime import UTC, datetime

import pytest

from portico.simulator.access import allowed_relays, grants, is_active

pytestmark = pytest.mark.unit

# A Wednesday.
NOON = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1001-12;", [("1001", "12")]),
        ("1001-1,1002-2", [("1001", "1"), ("1002", "2")]),
        ("3-1;4-2;", [("3", "1"), ("4", "2")]),
        ("", []),
        ("nonsense", []),
    ],
)
def test_grants(text: str, expected: list[tuple[str, str]]) -> None:
    assert grants(text) == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"Type": "2", "Daily": "08:00-13:00"}, True),
        ({"Type": "2", "Daily": "13:00-18:00"}, False),
        ({"Type": "2", "TimeStart": "12:00", "TimeEnd": "12:01"}, True),
        ({"Type": "2", "TimeStart": "11:00", "TimeEnd": "12:00"}, False),
        ({"Type": "2", "TimeStart": "22:00", "TimeEnd": "13:00"}, True),
        ({"Type": "1", "Week": "135"}, True),
        ({"Type": "1", "Week": "06"}, False),
        ({"Type": "1", "Wed": "1"}, True),
        ({"Type": "1", "Wed": "0", "Thur": "1"}, False),
        ({"Type": "0", "DateStart": "20260715", "DateEnd": "20260715"}, True),
        ({"Type": "0", "DateStart": "20260716", "DateEnd": "20260720"}, False),
        ({"Type": "0", "DateStart": "20260701", "DateEnd": "20260714"}, False),
        ({"Type": "7"}, False),
    ],
)
def test_schedule_at_noon_on_a_wednesday(
    schedule: dict[str, str], expected: bool
) -> None:
    assert is_active(schedule, NOON) is expected


def test_midnight_end_is_included() -> None:
    last = NOON.replace(hour=23, minute=59)

    assert is_active({"Type": "2", "TimeStart": "00:00", "TimeEnd": "23:59"}, last)


def test_allowed_relays_of_all_spellings() -> None:
    for name in ("ScheduleRelay", "Schedule-Relay", "Schedule"):
        assert allowed_relays({name: "1001-12"}, [], NOON) == ["A", "B"]


def test_never_and_unknown_schedules_open_nothing() -> None:
    assert allowed_relays({"ScheduleRelay": "1002-1;77-2"}, [], NOON) == []


def test_own_schedule_is_found_by_display_id_before_id() -> None:
    schedules = [
        {"ID": "5", "DisplayID": "9", "Type": "1", "Week": "0"},
        {"ID": "9", "DisplayID": "10", "Type": "2"},
    ]

    assert allowed_relays({"ScheduleRelay": "9-1"}, schedules, NOON) == []
    assert allowed_relays({"ScheduleRelay": "10-3"}, schedules, NOON) == ["C"]


def test_security_relay_field() -> None:
    user = {"ScheduleRelay": "1001-1", "Schedule-SRelay": "1001-1"}

    assert allowed_relays(user, [], NOON) == ["A", "SA"]
