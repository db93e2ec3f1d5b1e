"""The units' user and schedule lists: what they hold, and what must change.

Sources: the vendor's HTTP API manual and pylocal-akuvox 1.7.0 (objects, paging, spellings),
SmartYard-Server (limits, blocks), a key-fob tool (``Schedule-SRelay``). Not verified on
hardware. Pure: requests out, answers in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from portico.protocols.akuvox.local_api import DeviceError, Request, read_answer
from portico.protocols.bridge.access import (
    OURS,
    AccessList,
    AccessSchedule,
    AccessUser,
    ScheduleType,
)

Item = Mapping[str, Any]

USER: Final = "user"
SCHEDULE: Final = "schedule"
ALWAYS: Final = "1001"
# A page has ten entries of some 300 bytes; a unit that knows no pages sends all.
MAX_LIST_BYTES: Final = 8 * 1024 * 1024
# Models spell it in three ways: all are read, and all but the plainest are written.
_GRANTS: Final = ("ScheduleRelay", "Schedule-Relay", "Schedule")
_SECURE: Final = "Schedule-SRelay"
# Where the unit fetches a photo; that it keeps the address, or one of its own, is inferred.
_PHOTO: Final = "FaceUrl"
_GRANT: Final = re.compile(r"(\d+)-(\d+)")
_TYPES: Final = {
    ScheduleType.DATE_RANGE: "0",
    ScheduleType.WEEKLY: "1",
    ScheduleType.DAILY: "2",
}
_DAYS: Final = ("Sun", "Mon", "Tue", "Wed", "Thur", "Fri", "Sat")
# More cards in one field are cut off at 63 characters (SY).
_LIST: Final = ";"


def get_page(target: str, number: int) -> Request:
    """Ask for one page of ten, counted from 1."""
    return Request("GET", f"/api/{target}/get?page={number}")


def change(target: str, action: str, items: Sequence[Item]) -> Request:
    """``add``, ``set`` or ``del`` these items."""
    order = {"target": target, "action": action, "data": {"item": list(items)}}
    body = json.dumps(order, separators=(",", ":")).encode()
    return Request("POST", f"/api/{target}/{action}", body)


def read_page(status: int, body: bytes) -> tuple[list[Item], int | None]:
    """The items of one page, and how many there are in all if the unit says so.

    :raises DeviceError: see :func:`portico.protocols.akuvox.local_api.read_answer`;
        ``garbled`` without a list.
    """
    data = read_answer(status, body)
    items = data.get("item", [])
    if not isinstance(items, list):
        raise DeviceError("garbled")
    found: list[Item] = [each for each in items if isinstance(each, dict)]
    number = data.get("num")
    return found, number if type(number) is int else None


def read_changed(status: int, body: bytes) -> None:
    """Return if a change was made.

    Some firmwares answer with the count of items as ``retcode``.

    :raises DeviceError: see :func:`portico.protocols.akuvox.local_api.read_answer`.
    """
    try:
        read_answer(status, body)
    except DeviceError as error:
        if error.code != "rejected" or status != 200:
            raise
        retcode = json.loads(body).get("retcode")
        if type(retcode) is not int or retcode <= 0:
            raise


@dataclass(frozen=True, slots=True)
class Lists:
    """What a unit holds."""

    users: tuple[Item, ...] = ()
    schedules: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What must be done to a unit's lists, in this order.

    Deletions come first: somebody is waiting to be sure that a card opens nothing more.
    """

    delete_users: tuple[Item, ...] = ()
    add_schedules: tuple[Item, ...] = ()
    set_schedules: tuple[Item, ...] = ()
    set_users: tuple[AccessUser, ...] = ()
    add_users: tuple[AccessUser, ...] = ()
    delete_schedules: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a unit's list stands to what is wanted."""

    present: tuple[AccessUser, ...]
    missing: tuple[AccessUser, ...]
    left: tuple[str, ...]
    foreign: int
    total: int


def difference(wanted: AccessList, held: Lists) -> Changes:
    """What makes the unit hold ``wanted`` and what others have entered there."""
    ours = [item for item in held.users if _is_our_user(item)]
    first = _first_by(ours, "UserID")
    users = {user.id: user for user in wanted.users}
    numbers = schedule_numbers(wanted, held.schedules)
    extra = [
        item
        for item in ours
        if _text(item, "UserID") not in users
        or item is not first[_text(item, "UserID")]
    ]
    known = [user for user in wanted.users if user.id in first]
    schedules = _first_by(held.schedules, "Name")
    return Changes(
        delete_users=tuple(_by_id(extra)),
        add_schedules=tuple(
            _schedule_item(each)
            for each in wanted.schedules
            if each.id not in schedules
        ),
        set_schedules=tuple(
            {**_schedule_item(each), "ID": _text(schedules[each.id], "ID")}
            for each in wanted.schedules
            if each.id in schedules and not _is_schedule(schedules[each.id], each)
        ),
        set_users=tuple(
            user for user in known if not _is_user(first[user.id], user, numbers)
        ),
        add_users=tuple(user for user in wanted.users if user.id not in first),
        delete_schedules=tuple(_by_id(_unused(wanted, held.schedules))),
    )


def standing(
    wanted: AccessList, held: Lists, fetched: Collection[str] = ()
) -> Standing:
    """How the lists that were read back stand to ``wanted``.

    :param fetched: entries whose photo the unit has fetched just now.
    """
    ours = [item for item in held.users if _is_our_user(item)]
    numbers = schedule_numbers(wanted, held.schedules)
    first = _first_by(ours, "UserID")
    users = {user.id for user in wanted.users}
    present: list[AccessUser] = []
    missing: list[AccessUser] = []
    for user in wanted.users:
        item = first.get(user.id)
        is_there = item is not None and _is_user(item, user, numbers, fetched)
        (present if is_there else missing).append(user)
    left = {_text(item, "UserID") for item in ours} - users
    return Standing(
        tuple(present),
        tuple(missing),
        tuple(sorted(left)),
        foreign=len(held.users) - len(ours),
        total=len(held.users),
    )


def ignores_photo(held: Lists, user: AccessUser) -> bool:
    """Whether the unit holds the entry and knows nothing of photos."""
    ours = [item for item in held.users if _text(item, "UserID") == user.id]
    return any(_PHOTO not in item for item in ours)


def user_item(
    user: AccessUser, numbers: Mapping[str, str], item_id: str = "", photo: str = ""
) -> Item:
    """The object of ``user`` for ``add``, or with the unit's own number for ``set``.

    :param numbers: the unit's numbers of schedules, see :func:`schedule_numbers`.
    :param photo: where the unit fetches the photo of a face.
    """
    grant = _grant(user.schedule, user.relays, numbers)
    item = {
        "Name": user.name,
        "UserID": user.id,
        "PrivatePIN": _LIST.join(user.pins),
        "CardCode": _LIST.join(user.cards),
        "WebRelay": "0",
        "LiftFloorNum": "0",
        "ScheduleRelay": grant,
        "Schedule-Relay": grant,
    }
    if user.security:
        item[_SECURE] = _grant(user.schedule, user.security, numbers)
    if user.bluetooth:
        item["BLEAuthCode"] = user.bluetooth
    if photo:
        item[_PHOTO] = photo
    return {"ID": item_id, **item} if item_id else item


def item_ids(held: Lists) -> dict[str, str]:
    """The unit's own numbers of our entries."""
    ours = [item for item in held.users if _is_our_user(item)]
    return {key: _text(item, "ID") for key, item in _first_by(ours, "UserID").items()}


def schedule_numbers(wanted: AccessList, held: Iterable[Item]) -> dict[str, str]:
    """The unit's numbers of the wanted schedules that it holds, by our names."""
    names = {each.id for each in wanted.schedules}
    found = {"": ALWAYS}
    for item in held:
        name = _text(item, "Name")
        if name in names:
            number = _text(item, "DisplayID") or _text(item, "ID")
            found.setdefault(name, number)
    return found


def _is_our_user(item: Item) -> bool:
    return _text(item, "UserID").startswith(OURS)


def _is_user(
    item: Item,
    user: AccessUser,
    numbers: Mapping[str, str],
    fetched: Collection[str] = (),
) -> bool:
    """Whether the unit's ``item`` says what is wanted of ``user``.

    A field that a model does not show at all says nothing.
    """
    shown = next((_text(item, name) for name in _GRANTS if item.get(name)), "")
    secure = _grant(user.schedule, user.security, numbers) if user.security else ""
    return (
        _text(item, "Name") == user.name
        and _parts(item, "PrivatePIN") == set(user.pins)
        and _parts(item, "CardCode") == set(user.cards)
        and _grants(shown) == _grants(_grant(user.schedule, user.relays, numbers))
        and (_SECURE not in item or _grants(_text(item, _SECURE)) == _grants(secure))
        and ("BLEAuthCode" not in item or _text(item, "BLEAuthCode") == user.bluetooth)
        and _has_face(item, user, fetched)
    )


def _has_face(item: Item, user: AccessUser, fetched: Collection[str]) -> bool:
    """An address alone proves nothing: it may be ours, from before the unit failed."""
    if user.face is None:
        return True
    is_known = user.face.held or user.id in fetched
    return is_known and (_PHOTO not in item or bool(_text(item, _PHOTO)))


def _grant(schedule: str, relays: Iterable[int], numbers: Mapping[str, str]) -> str:
    digits = "".join(str(number) for number in relays)
    number = numbers.get(schedule)
    return f"{number}-{digits};" if digits and number else ""


def _grants(text: str) -> set[tuple[str, str]]:
    return {(match[1], digit) for match in _GRANT.finditer(text) for digit in match[2]}


def _parts(item: Item, name: str) -> set[str]:
    return {part.strip() for part in _text(item, name).split(_LIST) if part.strip()}


def _schedule_item(schedule: AccessSchedule) -> Item:
    days = {
        name: "1" if str(number) in schedule.days else "0"
        for number, name in enumerate(_DAYS)
    }
    return {
        "Name": schedule.id,
        "Type": _TYPES[schedule.type],
        "DateStart": schedule.first,
        "DateEnd": schedule.last,
        "TimeStart": schedule.start,
        "TimeEnd": schedule.end,
        "Week": schedule.days,
        "Daily": f"{schedule.start}-{schedule.end}",
        **days,
    }


def _is_schedule(item: Item, schedule: AccessSchedule) -> bool:
    """Whether nobody has changed the schedule on the unit; what it leaves out is fine."""
    wanted = _schedule_item(schedule)
    names = ("Type", "DateStart", "DateEnd", "TimeStart", "TimeEnd", "Week")
    return all(_text(item, name) in {"", wanted[name]} for name in names)


def _unused(wanted: AccessList, held: Iterable[Item]) -> list[Item]:
    names, seen, unused = {each.id for each in wanted.schedules}, set[str](), []
    for item in held:
        name = _text(item, "Name")
        if name.startswith(OURS) and (name not in names or name in seen):
            unused.append(item)
        seen.add(name)
    return unused


def _first_by(items: Iterable[Item], name: str) -> dict[str, Item]:
    found: dict[str, Item] = {}
    for item in items:
        found.setdefault(_text(item, name), item)
    return found


def _by_id(items: Iterable[Item]) -> list[Item]:
    return [{"ID": _text(item, "ID")} for item in items]


def _text(item: Item, name: str) -> str:
    value = item.get(name)
    return "" if value is None else str(value)
