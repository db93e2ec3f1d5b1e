"""The commissioning of a house: what proves itself, and what somebody has ticked off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max
from django.utils.translation import gettext as _

from portico.devices.enums import CommandKind, CommandState, DeviceKind
from portico.devices.models import Command, Device, Relay
from portico.devices.selectors import devices_of_site
from portico.events.enums import LogKind
from portico.events.models import LogEntry
from portico.events.selectors import filter_log, log_of_site
from portico.houses.enums import BY_HAND, Step
from portico.houses.models import CheckMark
from portico.provisioning.selectors import with_files
from portico.sites.models import Resident, Site
from portico.sites.selectors import people_of

# The door has said that it opened.
_OPENED = (CommandState.ACKNOWLEDGED, CommandState.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to be right: of a device, a door, or somebody's phone.

    ``at`` is when it was found right; ``hint`` says what to do while it is not.
    """

    step: Step
    key: str
    name: str
    at: datetime | None
    hint: str = ""
    by: str = ""

    @property
    def is_done(self) -> bool:
        return self.at is not None

    @property
    def is_by_hand(self) -> bool:
        return self.step in BY_HAND


@dataclass(frozen=True, slots=True)
class Stage:
    """All checks of one step."""

    step: Step
    checks: Sequence[Check]

    @property
    def is_done(self) -> bool:
        return bool(self.checks) and all(check.is_done for check in self.checks)


@dataclass(frozen=True, slots=True)
class Commissioning:
    """Where a house stands."""

    stages: Sequence[Stage]

    @property
    def done(self) -> int:
        return sum(stage.is_done for stage in self.stages)

    @property
    def total(self) -> int:
        return len(self.stages)

    @property
    def is_complete(self) -> bool:
        return self.done == self.total

    def find(self, key: str) -> Check | None:
        """The check with ``key``, if the house has one such now."""
        checks = (check for stage in self.stages for check in stage.checks)
        return next((check for check in checks if check.key == key), None)


def commissioning_of(site: Site) -> Commissioning:
    """Where a house that the caller has been shown stands; the same few queries for any.

    What was proved before a change of tenant counts for the devices, not for the phones.
    """
    devices = list(with_files(devices_of_site(site)))
    people = list(people_of(site))
    marks = {mark.item: mark for mark in CheckMark.objects.filter(site=site)}
    opened = _openings(devices)
    call = filter_log(log_of_site(site), kind=LogKind.CALL).first()
    checks = {
        Step.SEEN: [_seen(device) for device in devices],
        Step.APPLIED: [_applied(device) for device in devices],
        Step.SIP: [_registered(device) for device in devices],
        Step.CLOCK: [_clock(site, device, marks) for device in devices],
        Step.OPENED: [
            _opened(device, relay, opened)
            for device in devices
            if device.kind != DeviceKind.INDOOR_MONITOR
            for relay in device.relays.all()
        ],
        Step.CALL: [
            *(
                _call(f"device:{device.pk}", device.name, marks, call)
                for device in devices
                if device.kind == DeviceKind.INDOOR_MONITOR
            ),
            *(
                _call(f"person:{person.pk}", _phone(person), marks, call)
                for person in people
            ),
        ],
    }
    return Commissioning([Stage(step, checks[step]) for step in Step])


def _openings(devices: Sequence[Device]) -> dict[int, datetime]:
    """When each relay last opened by a command that its device answered."""
    rows = Command.objects.filter(
        device__in=devices, kind=CommandKind.OPEN_RELAY, state__in=_OPENED
    ).exclude(relay=None)
    last = rows.order_by("relay").values("relay").annotate(at=Max("requested_at"))
    return dict(last.values_list("relay", "at"))


def _seen(device: Device) -> Check:
    presence = getattr(device, "presence", None)
    return Check(
        Step.SEEN,
        f"seen:{device.pk}",
        device.name,
        presence.last_seen_at if presence else None,
        _("Connect it, and enter its provisioning address or use plug and play."),
    )


def _applied(device: Device) -> Check:
    file = getattr(device, "provisioning_file", None)
    at = file.applied_at if file is not None and file.is_applied else None
    hint = _("It has not reported with the saved configuration yet; restart it.")
    return Check(Step.APPLIED, f"applied:{device.pk}", device.name, at, hint)


def _registered(device: Device) -> Check:
    presence = getattr(device, "presence", None)
    at = presence.sip_at if presence else None
    hint = _("Its SIP account is not registered; look whether UDP 5060 gets through.")
    return Check(Step.SIP, f"sip:{device.pk}", device.name, at, hint)


def _marked(
    step: Step, key: str, name: str, marks: dict[str, CheckMark], hint: str
) -> Check:
    mark = marks.get(key)
    if mark is None:
        return Check(step, key, name, None, hint)
    return Check(step, key, name, mark.marked_at, hint, mark.marked_by)


def _clock(site: Site, device: Device, marks: dict[str, CheckMark]) -> Check:
    hint = _("Look at its clock: it has to show the time of %(zone)s.")
    key = f"clock:{device.pk}"
    text = hint % {"zone": site.time_zone}
    return _marked(Step.CLOCK, key, device.name, marks, text)


def _opened(device: Device, relay: Relay, opened: dict[int, datetime]) -> Check:
    name = f"{device.name} · {relay.name}"
    hint = _("Open it under Doors.")
    at = opened.get(relay.pk)
    return Check(Step.OPENED, f"opened:{relay.pk}", name, at, hint)


def _phone(person: Resident) -> str:
    return _("App of %(name)s") % {"name": person.user.name or person.user}


def _call(
    of: str, name: str, marks: dict[str, CheckMark], call: LogEntry | None
) -> Check:
    hint = _("Ring at the door, answer there, and tick it off.")
    if call is None:
        hint = f"{hint} {_('No call has been heard of yet.')}"
    return _marked(Step.CALL, f"call:{of}", name, marks, hint)
