"""What a PIN or card may be, and who stands on which unit. No database access."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time

from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from portico.access.enums import (
    CredentialKind,
    KeyState,
    Repeat,
    ScheduleKind,
)
from portico.access.errors import BadCredential
from portico.access.models import Credential, Schedule, TempKey
from portico.devices.enums import AccessMethod, RelayKind
from portico.devices.models import Relay
from portico.protocols.bridge.access import (
    OLD_TAG,
    OURS,
    AccessFace,
    AccessList,
    AccessSchedule,
    AccessUser,
    ScheduleType,
)

# Of one person (LOG-1); whoever needs more is probably two.
MOST = {CredentialKind.CARD: 5}
# What a unit cannot check itself: no source says how it would hold such a code.
BY_BRIDGE = frozenset({CredentialKind.QR, CredentialKind.DYNAMIC_QR})
_QR = frozenset({CredentialKind.QR, CredentialKind.DYNAMIC_QR})
_PIN = re.compile(r"[0-9]{4,8}")
# Readers name a card by its number in hex, or in decimals; both fit.
_CARD = re.compile(r"[0-9A-F]{4,20}")
_BETWEEN = re.compile(r"[\s:.-]")
_WHOLE_DAY = (time(0, 0), time(23, 59))
_LONGEST_NAME = 63
# Of a 64-bit id.
_MOST_DIGITS = 18


def check_pin(text: str) -> str:
    """A PIN as it is kept.

    :raises BadCredential: not 4 to 8 digits, all equal, or beginning with 9.
    """
    pin = text.strip()
    if not _PIN.fullmatch(pin):
        raise BadCredential(_("A PIN has 4 to 8 digits."), field="value")
    if len(set(pin)) == 1:
        raise BadCredential(_("The digits of a PIN are not all equal."), field="value")
    if pin.startswith("9"):
        raise BadCredential(_("A PIN does not begin with 9."), field="value")
    return pin


def check_card(text: str) -> str:
    """A card's number in capitals, without what people write between.

    :raises BadCredential: it is none.
    """
    number = _BETWEEN.sub("", text).upper()
    if not _CARD.fullmatch(number):
        raise BadCredential(
            _("A card number has 4 to 20 digits, with A to F if it is in hex."),
            field="value",
        )
    return number


def value_digest(site_id: object, kind: str, value: str) -> str:
    """Under what a value is compared within one house; keyed, so that nobody guesses it.

    PINs, temp keys and QR codes are one space, cards and tags another: that is what a
    keypad and a reader tell apart.
    """
    cards = {CredentialKind.CARD, CredentialKind.NFC}
    codes = {CredentialKind.PIN, CredentialKind.QR}
    space = "card" if kind in cards else "code" if kind in codes else kind
    text = f"{site_id}:{space}:{value}"
    return salted_hmac("portico.access.value", text, algorithm="sha256").hexdigest()


def key_state(key: TempKey, now: datetime) -> KeyState:
    """How a temp key stands now."""
    if key.revoked_at is not None:
        return KeyState.REVOKED
    if key.is_used_up or key.ends_at <= now:
        return KeyState.OVER
    return KeyState.COMING if key.starts_at > now else KeyState.LIVE


def is_on_units(key: TempKey) -> bool:
    """Whether units hold the key, too: they know hours, and cannot count uses."""
    is_counted = key.uses_in_all is not None
    return key.repeat != Repeat.NEVER and not is_counted and not key.is_dynamic


@dataclass(frozen=True, slots=True)
class Wanted:
    """One entry that a unit should hold, and whose it is."""

    user: AccessUser
    schedule: AccessSchedule | None
    credential_id: int | None = None
    temp_key_id: int | None = None

    @property
    def digest(self) -> str:
        """Of all that is wanted of it."""
        plain = [
            asdict(replace(self.user, tag="")),
            asdict(self.schedule) if self.schedule else None,
        ]
        return hashlib.sha256(json.dumps(plain).encode()).hexdigest()


def wanted_by_device(
    relays: Iterable[Relay],
    credentials: Iterable[Credential],
    keys: Iterable[TempKey],
) -> dict[int, dict[str, Wanted]]:
    """What each unit of a house should hold, by device and entry.

    :param relays: all of the house.
    :param credentials: those in force, with relays, schedule and resident's account.
    :param keys: temp keys in force, with relays.
    """
    known = list(relays)
    found: dict[int, dict[str, Wanted]] = {}
    for credential in credentials:
        if credential.kind in BY_BRIDGE:
            continue
        schedule = _access_schedule(credential.schedule)
        wanted = Wanted(_user(credential), schedule, credential_id=credential.pk)
        _spread(found, wanted, opened_by(credential, known))
    for key in keys:
        if not is_on_units(key):
            continue
        user = AccessUser(key.entry_id, "-", _short(key.name), pins=(key.pin,))
        wanted = Wanted(user, _key_schedule(key), temp_key_id=key.pk)
        _spread(found, wanted, list(key.relays.all()))
    return found


def opened_by(credential: Credential, relays: Iterable[Relay]) -> list[Relay]:
    """Those of the house's ``relays`` that it opens: only such as have its method."""
    method = AccessMethod.QR if credential.kind in _QR else credential.kind
    able = [each for each in relays if method in each.access_methods]
    if credential.opens_all:
        return able
    chosen = {relay.pk for relay in credential.relays.all()}
    return [relay for relay in able if relay.pk in chosen]


def access_list(
    wanted: Mapping[str, Wanted], confirmed: Collection[str] = ()
) -> AccessList:
    """What the bridge is given for one unit.

    :param confirmed: entries that the unit is known to hold.
    """
    users = tuple(
        _tagged(wanted[key], is_held=key in confirmed) for key in sorted(wanted)
    )
    schedules = {
        each.schedule.id: each.schedule for each in wanted.values() if each.schedule
    }
    ordered = tuple(schedules[key] for key in sorted(schedules))
    return AccessList(revision_of(wanted), users, ordered)


def revision_of(wanted: Mapping[str, Wanted]) -> str:
    """A short name of all that a unit should hold."""
    lines = "\n".join(f"{key} {wanted[key].digest}" for key in sorted(wanted))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def credential_number(entry_id: str) -> int | None:
    """The credential that :attr:`Credential.entry_id` names."""
    number = entry_id.removeprefix(f"{OURS}C")
    is_one = number != entry_id and number.isascii() and number.isdigit()
    return int(number) if is_one and len(number) <= _MOST_DIGITS else None


def _tagged(wanted: Wanted, *, is_held: bool) -> AccessUser:
    user, tag = wanted.user, wanted.digest[:16]
    if user.face is None:
        return replace(user, tag=tag)
    # An older bridge would write it without its face, and say that it is there.
    return replace(user, tag=OLD_TAG, face=replace(user.face, tag=tag, held=is_held))


def _spread(
    found: dict[int, dict[str, Wanted]], wanted: Wanted, relays: list[Relay]
) -> None:
    by_device: dict[int, list[Relay]] = {}
    for relay in relays:
        by_device.setdefault(relay.device_id, []).append(relay)
    schedule = wanted.schedule.id if wanted.schedule else ""
    for device_id, own in by_device.items():
        local = sorted(each.number for each in own if each.kind == RelayKind.LOCAL)
        secure = sorted(each.number for each in own if each.kind != RelayKind.LOCAL)
        user = replace(
            wanted.user,
            schedule=schedule,
            relays=tuple(local),
            security=tuple(secure),
        )
        found.setdefault(device_id, {})[user.id] = replace(wanted, user=user)


def _user(credential: Credential) -> AccessUser:
    kind, value = credential.kind, credential.value
    return AccessUser(
        credential.entry_id,
        "-",
        _short(credential.resident.user.name),
        pins=(value,) if kind == CredentialKind.PIN else (),
        # A phone or tag shows its number where a card does.
        cards=(value,) if kind in {CredentialKind.CARD, CredentialKind.NFC} else (),
        bluetooth=value if kind == CredentialKind.BLUETOOTH else "",
        face=_face(credential) if kind == CredentialKind.FACE else None,
    )


def _face(credential: Credential) -> AccessFace:
    # Deleted with the credential, and never changed before.
    return AccessFace(credential.face.sha256, credential.face.size)


def _short(name: str) -> str:
    return name.strip()[:_LONGEST_NAME] or "-"


def _access_schedule(schedule: Schedule | None) -> AccessSchedule | None:
    if schedule is None:
        return None
    first, last = schedule.date_from, schedule.date_until
    return _named(
        AccessSchedule(
            "",
            ScheduleType(schedule.kind),
            days=schedule.days if schedule.kind == ScheduleKind.WEEKLY else "",
            start=f"{schedule.time_from or _WHOLE_DAY[0]:%H:%M}",
            end=f"{schedule.time_until or _WHOLE_DAY[1]:%H:%M}",
            first=f"{first:%Y%m%d}" if first else "",
            last=f"{last:%Y%m%d}" if last else "",
        )
    )


def _key_schedule(key: TempKey) -> AccessSchedule:
    is_weekly = key.repeat == Repeat.WEEKLY
    return _named(
        AccessSchedule(
            "",
            ScheduleType.WEEKLY if is_weekly else ScheduleType.DAILY,
            days=key.days if is_weekly else "",
            start=f"{key.time_from or _WHOLE_DAY[0]:%H:%M}",
            end=f"{key.time_until or _WHOLE_DAY[1]:%H:%M}",
        )
    )


def _named(schedule: AccessSchedule) -> AccessSchedule:
    """Named by what it says: equal hours are one schedule on a unit, and a changed one
    is another."""
    text = json.dumps(asdict(schedule))
    return replace(schedule, id=OURS + hashlib.sha256(text.encode()).hexdigest()[:12])
