"""Counts as the dashboards draw them: bars of parts that lead to their lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from portico.tenancy.enums import OrganizationKind

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from portico.devices.selectors import PresenceCounts
    from portico.events.selectors import DayCounts


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bar: its word, how many, and the list of exactly those."""

    label: StrOrPromise
    count: int
    # A colour of the style sheet: green, red, amber, blue, teal, grey or faint.
    colour: str
    url: str


@dataclass(frozen=True, slots=True)
class Bar:
    """Parts of a whole, side by side."""

    parts: Sequence[Part]

    @property
    def total(self) -> int:
        return sum(part.count for part in self.parts)

    @property
    def placed(self) -> list[tuple[Part, int]]:
        """Each part with what lies before it."""
        before = [0]
        for part in self.parts:
            before.append(before[-1] + part.count)
        return list(zip(self.parts, before, strict=False))


def presence_bar(counts: PresenceCounts, devices: str) -> Bar:
    """Devices by presence; ``devices`` is the address of their list."""
    return Bar(
        [
            Part(_("Online"), counts.online, "green", f"{devices}?presence=online"),
            Part(_("Offline"), counts.offline, "red", f"{devices}?presence=offline"),
            Part(
                _("Never seen"), counts.never_seen, "grey", f"{devices}?presence=never"
            ),
        ]
    )


_COMPANY_COLOURS = {
    OrganizationKind.DISTRIBUTOR: "grey",
    OrganizationKind.SUB_DISTRIBUTOR: "teal",
    OrganizationKind.INSTALLER: "blue",
}


def company_bar(
    counts: Mapping[str, int], kinds: Mapping[str, StrOrPromise], companies: str
) -> Bar:
    """Companies by those ``kinds``; ``companies`` is the address of their list."""
    return Bar(
        [
            Part(
                label,
                counts.get(kind, 0),
                _COMPANY_COLOURS[OrganizationKind(kind)],
                f"{companies}?kind={kind}",
            )
            for kind, label in kinds.items()
        ]
    )


@dataclass(frozen=True, slots=True)
class Activity:
    """Door openings and calls by day, as table and as chart."""

    days: Sequence[DayCounts]

    @property
    def openings(self) -> int:
        return sum(day.openings for day in self.days)

    @property
    def calls(self) -> int:
        return sum(day.calls for day in self.days)

    @property
    def data(self) -> dict[str, Any]:
        """What the script draws; the colours are tokens of the style sheet."""
        return {
            "labels": [date_format(one.day, "j M") for one in self.days],
            "titles": [date_format(one.day, "D j M") for one in self.days],
            "series": [
                {
                    "name": _("Door openings"),
                    "colour": "--p-chart-1",
                    "values": [one.openings for one in self.days],
                },
                {
                    "name": _("Calls"),
                    "colour": "--p-chart-2",
                    "values": [one.calls for one in self.days],
                },
            ],
        }
