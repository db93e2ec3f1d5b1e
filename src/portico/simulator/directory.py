"""The lists a unit keeps: users, schedules, contacts and groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from portico.simulator.access import ALWAYS, NEVER, SCHEDULE_FIELDS
from portico.simulator.catalogue import Model
from portico.simulator.core import Core
from portico.simulator.state import Item

PAGE_SIZE: Final = 10
# Of a user's photo; a unit shows it to nobody.
HASH: Final = "FaceHash"
# More than four card codes are cut off at this many characters (SY).
MAX_CARD_CODE: Final = 63
TARGETS: Final = ("user", "schedule", "contact", "group")
_CLOUD: Final = "2"
_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "user": ("Name", "UserID"),
    "schedule": ("Type",),
    "contact": ("Name",),
    "group": ("Name",),
}
_BUILT_IN: Final = (
    {"ID": "1", "Type": "2", "Name": "Always", "DisplayID": ALWAYS},
    {"ID": "2", "Type": "2", "Name": "Never", "DisplayID": NEVER},
)


class Refused(Exception):
    """The unit will not do it; becomes ``retcode`` and ``message`` of the answer."""

    def __init__(self, message: str, retcode: int = -1) -> None:
        super().__init__(message)
        self.message = message
        self.retcode = retcode


class Directory:
    """Reads and changes the lists, with the model's spelling on the way out."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def items(self, target: str) -> list[Item]:
        """All items as they are stored."""
        state = self._core.state
        lists = {
            "user": state.users,
            "schedule": state.schedules,
            "contact": state.contacts,
            "group": state.groups,
        }
        return lists[target]

    def shown(self, target: str, query: Mapping[str, str]) -> list[Item]:
        """The items that match a ``get`` query, spelled as this model spells them."""
        items = self.items(target)
        if target == "schedule":
            items = [*({**each, "SourceType": "1"} for each in _BUILT_IN), *items]
        wanted = query.get("NameOrCode") or query.get("NameOrPerID")
        if wanted:
            fields = ("Name", "PrivatePIN", "CardCode", "UserID", "Phone")
            items = [
                each
                for each in items
                if any(wanted.lower() in each.get(name, "").lower() for name in fields)
            ]
        if source := query.get("SourceType"):
            items = [each for each in items if each.get("SourceType") == source]
        return [_spelled(target, each, self._core.model) for each in items]

    def add(self, target: str, items: Iterable[Mapping[str, Any]]) -> list[Item]:
        """Store new items; the unit numbers them (a sent ``ID`` is not used).

        :raises Refused: a required field is missing, or the list is full. Nothing is
            stored then.
        """
        fresh = [_normal(target, each) for each in items]
        for item in fresh:
            _require(target, item)
        model = self._core.model
        if target == "user" and len(self.items(target)) + len(fresh) > model.max_users:
            raise Refused("User Full")
        for item in fresh:
            number = self._core.state.next_id(target)
            if target == "schedule":
                number = str(int(number) + len(_BUILT_IN))
                item.setdefault("DisplayID", number)
            item["ID"] = number
            if target in ("user", "schedule"):
                item.setdefault("SourceType", "1")
            self.items(target).append(item)
        self._core.touch()
        return fresh

    def set(self, target: str, items: Iterable[Mapping[str, Any]]) -> list[Item]:
        """Replace items by ``ID``; a ``set`` carries the whole record.

        :raises Refused: no such item, or one that the cloud owns (HA).
        """
        fresh = [_normal(target, each) for each in items]
        places = [self._place(target, item.get("ID", "")) for item in fresh]
        stored = self.items(target)
        for place, item in zip(places, fresh, strict=True):
            stored[place] = stored[place] | item
        self._core.touch()
        return fresh

    def delete(self, target: str, items: Iterable[Mapping[str, Any]]) -> None:
        """Remove items by ``ID``.

        :raises Refused: one of them is not there; nothing is removed then.
        """
        ids = [str(each.get("ID", "")) for each in items]
        for each in ids:
            self._place(target, each)
        stored = self.items(target)
        stored[:] = [item for item in stored if item["ID"] not in ids]
        self._core.touch()

    def clear(self, target: str) -> None:
        """Remove all items that the unit did not come with."""
        self.items(target).clear()
        self._core.touch()

    def _place(self, target: str, item_id: str) -> int:
        for place, item in enumerate(self.items(target)):
            if item["ID"] == item_id:
                if item.get("SourceType") == _CLOUD:
                    raise Refused("Can not edit cloud data")
                return place
        raise Refused("ID not exist")


def page(items: list[Item], query: Mapping[str, str]) -> dict[str, Any]:
    """One page of ten, or all without ``page``; past the end the page is empty."""
    number = query.get("page", "")
    if not number:
        return {"num": len(items), "item": items}
    current = int(number) if number.isdecimal() and int(number) else 1
    first = (current - 1) * PAGE_SIZE
    return {
        "num": len(items),
        "curPageNum": current,
        "item": items[first : first + PAGE_SIZE],
    }


def _normal(target: str, raw: Mapping[str, Any]) -> Item:
    item = {str(key): "" if value is None else str(value) for key, value in raw.items()}
    if target == "user":
        spellings = [item.pop(name) for name in SCHEDULE_FIELDS if name in item]
        if spellings:
            item["ScheduleRelay"] = next((each for each in spellings if each), "")
        if "CardCode" in item:
            item["CardCode"] = item["CardCode"][:MAX_CARD_CODE]
    return item


def _require(target: str, item: Item) -> None:
    missing = [name for name in _REQUIRED[target] if not item.get(name)]
    if missing:
        raise Refused(f"{missing[0]} is empty")


def _spelled(target: str, item: Item, model: Model) -> Item:
    if target == "user":
        schedule = item.get("ScheduleRelay", "")
        rest = {k: v for k, v in item.items() if k not in {"ScheduleRelay", HASH}}
        plain = {"WebRelay": "0", "LiftFloorNum": "0", "PrivatePIN": "", "CardCode": ""}
        return plain | rest | {model.schedule_field: schedule}
    if target == "contact" and model.apartment_contacts:
        return {
            "Name": item.get("Name", ""),
            "APTName": item.get("Name", ""),
            "APTNum": item.get("APTNum", ""),
            "Building": item.get("Building", ""),
            "Landline": item.get("Landline", ""),
            "Phone": item.get("Phone", ""),
        }
    return dict(item)
