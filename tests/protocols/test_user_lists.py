"""Whatever a unit holds: after the changes it holds what is wanted, and what others
have entered there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.protocols import user_lists as users
from portico.protocols.akuvox.local_api import DeviceError
from portico.protocols.bridge.access import (
    AccessList,
    AccessReport,
    AccessSchedule,
    AccessUser,
    Refusal,
    ReportState,
    ScheduleType,
    encode,
    read_list,
    read_report,
)
from portico.protocols.bridge.fields import Nonsense
from portico.protocols.user_lists import Item, Lists

pytestmark = [pytest.mark.unit]

_IDS = [f"PT-C{number}" for number in range(6)]
_SCHEDULES = [f"PT-{letter * 12}" for letter in "ab"]
_SPELLINGS = ("ScheduleRelay", "Schedule-Relay", "Schedule")

schedules = st.builds(
    AccessSchedule,
    id=st.sampled_from(_SCHEDULES),
    type=st.sampled_from(list(ScheduleType)),
    days=st.sampled_from(["", "12345"]),
    start=st.sampled_from(["00:00", "08:00"]),
    end=st.just("18:00"),
)
people = st.builds(
    AccessUser,
    id=st.sampled_from(_IDS),
    tag=st.sampled_from(["t1", "t2"]),
    name=st.sampled_from(["Ada", "Bob"]),
    pins=st.sampled_from([(), ("1234",)]),
    cards=st.sampled_from([(), ("AA11",), ("AA11", "BB22")]),
    bluetooth=st.sampled_from(["", "77"]),
    schedule=st.sampled_from(["", *_SCHEDULES]),
    relays=st.sampled_from([(1,), (1, 2)]),
    security=st.sampled_from([(), (1,)]),
)


@st.composite
def lists(draw: st.DrawFn) -> AccessList:
    named = draw(st.lists(schedules, unique_by=lambda one: one.id))
    known = {"", *(one.id for one in named)}
    found = draw(st.lists(people, unique_by=lambda one: one.id))
    wanted = [one for one in found if one.schedule in known]
    return AccessList("r1", tuple(wanted), tuple(named))


held_users = st.lists(
    st.fixed_dictionaries(
        {
            "UserID": st.sampled_from([*_IDS, "7", "8", ""]),
            "Name": st.sampled_from(["Ada", "Bob"]),
            "PrivatePIN": st.sampled_from(["", "1234", "1234;5678"]),
            "CardCode": st.sampled_from(["", "AA11;BB22"]),
        },
        optional={
            "BLEAuthCode": st.sampled_from(["", "77"]),
            "Schedule-SRelay": st.sampled_from(["", "1001-1;"]),
        },
    )
)
held_schedules = st.lists(
    st.fixed_dictionaries(
        {
            "Name": st.sampled_from([*_SCHEDULES, "PT-cccccccccccc", "Mine"]),
            "Type": st.sampled_from(["0", "1", "2"]),
            "TimeStart": st.sampled_from(["00:00", "08:00"]),
        }
    )
)


class Unit:
    """A unit's memory, as the simulator has it, in one spelling."""

    def __init__(self, spelling: str, held: Lists) -> None:
        self.spelling = spelling
        self._next = 0
        self.users = [self._numbered(item) for item in held.users]
        self.schedules = [
            {**self._numbered(item), "DisplayID": str(self._next)}
            for item in held.schedules
        ]

    def _numbered(self, item: Item) -> dict[str, Any]:
        self._next += 1
        return {**item, "ID": str(self._next)}

    @property
    def lists(self) -> Lists:
        return Lists(tuple(self.users), tuple(self.schedules))

    def _stored(self, item: Item) -> dict[str, Any]:
        told = dict(item)
        grants = [told.pop(name, "") for name in _SPELLINGS]
        return {**told, self.spelling: next(filter(None, grants), "")}

    def apply(self, wanted: AccessList) -> None:
        changes = users.difference(wanted, self.lists)
        gone = {item["ID"] for item in changes.delete_users}
        self.users = [item for item in self.users if item["ID"] not in gone]
        for item in changes.add_schedules:
            made = self._numbered(item)
            self.schedules.append({**made, "DisplayID": made["ID"]})
        for item in changes.set_schedules:
            self._set(self.schedules, item)
        changes = users.difference(wanted, self.lists)
        numbers = users.schedule_numbers(wanted, self.schedules)
        ids = users.item_ids(self.lists)
        for user in changes.set_users:
            item = users.user_item(user, numbers, item_id=ids[user.id])
            self._set(self.users, self._stored(item))
        for user in changes.add_users:
            self.users.append(
                self._numbered(self._stored(users.user_item(user, numbers)))
            )
        gone = {item["ID"] for item in changes.delete_schedules}
        self.schedules = [one for one in self.schedules if one["ID"] not in gone]

    @staticmethod
    def _set(items: list[dict[str, Any]], new: Item) -> None:
        for item in items:
            if item["ID"] == new["ID"]:
                kept = {"DisplayID": item.get("DisplayID", "")}
                item.clear()  # a set carries the whole record
                item.update(kept | dict(new))


@given(lists(), held_users, held_schedules, st.sampled_from(_SPELLINGS))
def test_after_the_changes_the_unit_holds_what_is_wanted_and_what_is_others(
    wanted: AccessList,
    items: list[dict[str, str]],
    named: list[dict[str, str]],
    spelling: str,
) -> None:
    unit = Unit(spelling, Lists(tuple(items), tuple(named)))
    foreign = [u for u in unit.users if not u["UserID"].startswith("PT-")]
    mine = [s for s in unit.schedules if s["Name"] == "Mine"]
    unit.apply(wanted)

    found = users.standing(wanted, unit.lists)
    assert found.present == wanted.users
    assert (found.missing, found.left) == ((), ())
    assert found.foreign == len(foreign)
    assert [u for u in unit.users if not u["UserID"].startswith("PT-")] == foreign
    assert [s for s in unit.schedules if s["Name"] == "Mine"] == mine
    ours = sorted(u["UserID"] for u in unit.users if u["UserID"].startswith("PT-"))
    assert ours == sorted(user.id for user in wanted.users)
    # Once more there is nothing to do.
    assert users.difference(wanted, unit.lists) == users.Changes()


@given(lists())
def test_a_list_is_read_as_it_was_written(wanted: AccessList) -> None:
    assert read_list(encode(wanted)) == wanted


def test_a_report_is_read_as_it_was_written() -> None:
    report = AccessReport(
        ReportState.DONE,
        "",
        "r1",
        1_800_000_000_000,
        present=("PT-C1:abc",),
        left=("PT-K2",),
        refused=(Refusal("PT-C3", "full"),),
        total=3,
        foreign=1,
    )
    assert read_report(encode(report)) == report


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"revision":"r"}',
        b'{"revision":"","users":[],"schedules":[]}',
        b'{"revision":"r","users":[{"id":"7","tag":"t","name":"A"}],"schedules":[]}',
    ],
)
def test_anything_else_is_nonsense(body: bytes) -> None:
    with pytest.raises(Nonsense):
        read_list(body)


def test_a_count_as_retcode_is_no_error() -> None:
    def answer(retcode: object) -> bytes:
        return json.dumps({"retcode": retcode, "data": {}}).encode()

    users.read_changed(200, answer(0))
    users.read_changed(200, answer(3))
    for bad in (-1, "3", True):
        with pytest.raises(DeviceError):
            users.read_changed(200, answer(bad))
    with pytest.raises(DeviceError):
        users.read_changed(500, answer(3))
