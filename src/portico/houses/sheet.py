"""The file of an import: what its columns are, and whether its rows are in order."""

from __future__ import annotations

import zoneinfo
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from portico.accounts.enums import TimeFormat
from portico.accounts.models import User
from portico.kernel.errors import DomainError
from portico.sites.enums import CallMode
from portico.sites.services.registration import (
    HouseData,
    PersonData,
    check_house,
    contact_of,
)

# The guide's field names, and what tells the two kinds of rows apart.
COLUMNS = (
    "Type",
    "Name",
    "Room Name",
    "Email",
    "Country/Region",
    "Mobile Number",
    "Address",
    "SIP Call Or IP Call",
    "Time Zone",
    "Language",
    "Time Format",
    "Landline 1",
    "Landline 2",
    "Landline 3",
    "Premium Plan",
    "Landline Service",
    "With Indoor Monitor",
)
MOST_ROWS = 5_000
MOST_CELL = 300
_CHUNK = 500
_YES, _NO = {"yes", "y", "true", "1", "x"}, {"", "no", "n", "false", "0"}
_WIDTHS = {"Name": 127, "Room Name": 127, "Email": 254, "Address": 255}

Row = tuple[int, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in one cell; ``row`` is the file's own number."""

    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class Household:
    """A house of the file with its family members; ``row`` is the house's."""

    row: int
    house: HouseData
    members: tuple[PersonData, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a file holds: ``problems`` in the order of the rows."""

    households: list[Household]
    problems: list[Problem]


class _Wrong(Exception):
    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column, self.message = column, message


def check_rows(
    rows: Sequence[Row], *, languages: Mapping[str, str], free_members: int
) -> Checked:
    """Read the rows of a file, each by :data:`COLUMNS`.

    ``languages`` are the codes of the mail languages by code and by name in small
    letters. A row of type Member belongs to the house above it.
    """
    households: list[Household] = []
    problems: list[Problem] = []
    for number, cells in rows:
        values = dict(zip(COLUMNS, cells, strict=False))
        try:
            _read(number, values, households, languages, free_members)
        except _Wrong as wrong:
            problems.append(Problem(number, wrong.column, wrong.message))
    problems += _taken(households)
    return Checked(households, sorted(problems, key=lambda one: one.row))


def _read(
    number: int,
    values: Mapping[str, str],
    households: list[Household],
    languages: Mapping[str, str],
    free_members: int,
) -> None:
    kind = values["Type"].lower()
    if kind == "member":
        if not households:
            raise _Wrong("Type", _("There is no house above this member."))
        above = households[-1]
        person = PersonData(**_person(values, languages, above.house))
        _contact(person)
        if len(above.members) >= free_members:
            text = _("A house has %(n)d free family members; add others by hand.")
            raise _Wrong("Type", text % {"n": free_members})
        members = (*above.members, person)
        households[-1] = Household(above.row, above.house, members)
    elif kind in {"house", ""}:
        house = _house(values, languages)
        _contact(house)
        households.append(Household(number, house, ()))
    else:
        raise _Wrong("Type", _("Write House or Member."))


def _person(
    values: Mapping[str, str],
    languages: Mapping[str, str],
    above: HouseData | None = None,
) -> dict[str, Any]:
    for column, width in _WIDTHS.items():
        if len(values[column]) > width:
            text = _("At most %(n)d characters.") % {"n": width}
            raise _Wrong(column, text)
    if not values["Name"]:
        raise _Wrong("Name", _("Enter a name."))
    country = values["Country/Region"].upper() or (above.country if above else "")
    if country and (len(country) != 2 or not country.isalpha()):
        raise _Wrong("Country/Region", _("Write two letters, for example DE."))
    wanted = values["Language"].lower()
    language = languages.get(wanted) if wanted else (above.language if above else "en")
    if language is None:
        raise _Wrong("Language", _("This is none of the mail languages."))
    email = values["Email"].lower()
    if email:
        try:
            validate_email(email)
        except ValidationError:
            raise _Wrong("Email", _("This is not an email address.")) from None
    return {
        "name": values["Name"],
        "email": email,
        "country": country,
        "phone": values["Mobile Number"],
        "language": language,
        "time_format": above.time_format if above else _time_format(values),
    }


def _house(values: Mapping[str, str], languages: Mapping[str, str]) -> HouseData:
    zone = values["Time Zone"].replace(" ", "_")
    if zone and zone not in zoneinfo.available_timezones():
        raise _Wrong("Time Zone", _("Write a zone such as Europe/Berlin."))
    mode = values["SIP Call Or IP Call"].lower()
    if mode not in {"", *CallMode.values}:
        raise _Wrong("SIP Call Or IP Call", _("Write SIP or IP."))
    first, second, third = (values[f"Landline {number}"] for number in (1, 2, 3))
    house = HouseData(
        **_person(values, languages),
        room_name=values["Room Name"],
        address=values["Address"],
        call_mode=CallMode(mode or CallMode.SIP),
        time_zone=zone,
        landlines=(first, second, third),
        premium_plan=_switch(values, "Premium Plan"),
        landline_service=_switch(values, "Landline Service"),
        with_indoor_monitor=_switch(values, "With Indoor Monitor"),
    )
    named = {f"landline_{number}": f"Landline {number}" for number in (1, 2, 3)}
    named["landline_service"] = "Landline Service"
    try:
        check_house(
            country=house.country,
            landlines=house.landlines,
            premium=house.premium_plan,
            landline_service=house.landline_service,
        )
    except DomainError as error:
        raise _Wrong(named.get(error.field, "Premium Plan"), str(error)) from None
    return house


def _time_format(values: Mapping[str, str]) -> TimeFormat:
    wanted = values["Time Format"].lower().rstrip("h ") or "24"
    known = {"24": TimeFormat.HOURS_24, "12": TimeFormat.HOURS_12}
    if wanted not in known:
        raise _Wrong("Time Format", _("Write 12h or 24h."))
    return known[wanted]


def _switch(values: Mapping[str, str], column: str) -> bool:
    word = values[column].lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise _Wrong(column, _("Write yes or no."))


def _contact(person: PersonData) -> None:
    columns = {"email": "Email", "phone": "Mobile Number"}
    try:
        contact_of(person)
    except DomainError as error:
        raise _Wrong(columns.get(error.field, "Email"), str(error)) from None


def _people(households: Iterable[Household]) -> Iterator[tuple[int, PersonData]]:
    for household in households:
        # A member's row follows its house's; the house's number is near enough.
        for person in (household.house, *household.members):
            yield household.row, person


def _taken(households: Sequence[Household]) -> list[Problem]:
    """Emails and numbers that stand twice in the file, or that somebody has."""
    found = list(_people(households))
    contacts = [(row, contact_of(person)) for row, person in found]
    problems: list[Problem] = []
    for key, column in (("email", "Email"), ("phone", "Mobile Number")):
        values = [(row, str(one[key])) for row, one in contacts if one[key]]
        twice = Counter(value for _row, value in values)
        known = _known(key, list(twice))
        for row, value in values:
            if twice[value] > 1:
                text = _("%(what)s stands more than once in the file.")
                problems.append(Problem(row, column, text % {"what": value}))
            elif value in known:
                text = _("Another account has %(what)s.")
                problems.append(Problem(row, column, text % {"what": value}))
    return problems


def _known(key: str, values: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(values), _CHUNK):
        some = values[start : start + _CHUNK]
        rows = User.objects.filter(**{f"{key}__in": some})
        found |= set(rows.values_list(key, flat=True))
    return found


def as_plain(household: Household) -> dict[str, Any]:
    """``household`` for a JSON text."""
    return asdict(household)


def from_plain(plain: Mapping[str, Any]) -> Household:
    """What :func:`as_plain` made."""
    house = _restored(plain["house"])
    house["landlines"] = tuple(house["landlines"])
    house["call_mode"] = CallMode(house["call_mode"])
    members = tuple(PersonData(**_restored(one)) for one in plain["members"])
    return Household(plain["row"], HouseData(**house), members)


def _restored(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {**plain, "time_format": TimeFormat(plain["time_format"])}
