"""Upgrades in words: what was planned, how it stands, what an act does to each device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portico.firmware.enums import CampaignState, PauseReason, UpgradeState
from portico.firmware.states import ENDED, ERRORS, TOUCHED

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from portico.firmware.models import Preparation, UpgradeCampaign
    from portico.firmware.services.campaigns import PlanData

Counts = Mapping[UpgradeState, int]

DONE: Final = (UpgradeState.SUCCEEDED, UpgradeState.ALREADY_CURRENT)
NOT_BEGUN: Final = (UpgradeState.QUEUED, UpgradeState.WAITING)
ON_THE_WAY: Final = (UpgradeState.OFFERED, UpgradeState.DOWNLOADING)
# Nothing was written, and nothing is being written.
UNTOUCHED: Final = (
    *NOT_BEGUN,
    *ON_THE_WAY,
    UpgradeState.ABORTED,
    UpgradeState.SKIPPED,
    UpgradeState.CANCELLED,
)
# Colour and icon of each state.
LOOKS: Final[Mapping[UpgradeState, tuple[str, str]]] = {
    UpgradeState.QUEUED: ("grey", "clock"),
    UpgradeState.WAITING: ("amber", "clock-pause"),
    UpgradeState.OFFERED: ("blue", "send"),
    UpgradeState.DOWNLOADING: ("blue", "download"),
    UpgradeState.INSTALLING: ("blue", "cpu"),
    UpgradeState.VERIFYING: ("blue", "list-check"),
    UpgradeState.SUCCEEDED: ("green", "circle-check"),
    UpgradeState.ALREADY_CURRENT: ("green", "circle-check"),
    UpgradeState.FAILED: ("red", "circle-x"),
    UpgradeState.ABORTED: ("amber", "arrow-back-up"),
    UpgradeState.TIMED_OUT: ("red", "clock-x"),
    UpgradeState.SKIPPED: ("grey", "player-skip-forward"),
    UpgradeState.CANCELLED: ("grey", "ban"),
}


def count_in(counts: Counts, states: Sequence[UpgradeState]) -> int:
    """How many devices are in one of ``states``."""
    return sum(counts.get(state, 0) for state in states)


def start_words(local_start: str) -> str:
    """When it begins on the clock of each site."""
    return local_start.replace("T", " ") if local_start else _("at once")


def plan_words(plan: PlanData | UpgradeCampaign) -> list[tuple[str, str]]:
    """What was asked for, as labels and values."""
    yes, no = _("Yes"), _("No")
    shown = [
        (_("Name"), str(plan.name) or str(plan.version)),
        (_("Start on the clock of each site"), start_words(plan.local_start)),
        (_("Reset After Upgrade"), yes if plan.reset_after else no),
    ]
    if plan.is_simple:
        return shown
    limit = _("%(percent)d %% of at least %(sample)d devices, or %(cap)d in all")
    numbers = {
        "percent": plan.error_percent,
        "sample": plan.error_sample,
        "cap": plan.error_cap,
    }
    return [
        *shown,
        (_("Downgrade"), yes if plan.allow_downgrade else no),
        (_("Hours on the clock of each site"), _hours(plan)),
        (_("Between waves"), _("%(n)d min") % {"n": plan.soak_minutes}),
        (_("Stops when more fail than"), limit % numbers),
        (
            _("A wave waits for offline devices"),
            _("%(n)d h") % {"n": plan.patience_hours},
        ),
        (_("A device is waited for"), _("%(n)d days") % {"n": plan.horizon_days}),
        (_("Tries for each device"), str(plan.retries)),
    ]


def _hours(plan: PlanData | UpgradeCampaign) -> str:
    window = getattr(plan, "window", None)
    if window is None:
        window = getattr(plan, "window_from", None), getattr(plan, "window_to", None)
    start, end = window
    return _("any") if start is None else f"{start:%H:%M} – {end:%H:%M}"  # noqa: RUF001 -- typography


def headline(
    campaign: UpgradeCampaign, counts: Counts, preparation: Preparation | None
) -> str:
    """How it stands, in a sentence."""
    if preparation is not None:
        text = _("Being prepared: %(done)d of %(total)d devices are written down")
        return text % {"done": preparation.done, "total": preparation.total}
    numbers = {
        "total": sum(counts.values()),
        "done": count_in(counts, DONE),
        "failed": count_in(counts, ERRORS),
        "start": start_words(campaign.local_start),
    }
    return str(_headline(campaign, numbers)) % numbers


def _headline(campaign: UpgradeCampaign, numbers: Mapping[str, object]) -> str:
    if campaign.state == CampaignState.PAUSED:
        return _paused(campaign.pause_reason)
    if campaign.state == CampaignState.STOPPED:
        return _("Stopped: %(done)d of %(total)d have the version, %(failed)d failed")
    if campaign.state == CampaignState.COMPLETED:
        if numbers["done"] == numbers["total"]:
            return _("Finished: every device has the version")
        return _("Finished: %(done)d of %(total)d have the version, %(failed)d failed")
    return _under_way(campaign, has_failed=bool(numbers["failed"]))


def _under_way(campaign: UpgradeCampaign, *, has_failed: bool) -> str:
    if campaign.state != CampaignState.RUNNING:
        later = _("Begins %(start)s on the clock of each site")
        return later if campaign.local_start else _("Begins in a moment")
    if has_failed:
        return _("%(done)d of %(total)d have the version, %(failed)d failed")
    return _("%(done)d of %(total)d have the version")


def _paused(reason: str) -> str:
    if reason == PauseReason.ERROR_LIMIT:
        return _("%(failed)d of %(total)d failed, stopped by the error limit")
    if reason == PauseReason.WITHDRAWN:
        return _(
            "Paused: the version was marked as known to be bad;"
            " %(done)d of %(total)d have it"
        )
    return _("Paused by hand: %(done)d of %(total)d have the version")


def harmed_words(count: int, names: Sequence[str]) -> str:
    """Which devices were touched and may not be in order."""
    if not count:
        return ""
    more = count - len(names)
    listed = ", ".join([*names, _("%(n)d more") % {"n": more}] if more else names)
    text = ngettext(
        "%(count)d device was touched and may not be in order: %(names)s.",
        "%(count)d devices were touched and may not be in order: %(names)s.",
        count,
    )
    return text % {"count": count, "names": listed}


def writing_words(count: int) -> str:
    """How many are past the point of no return."""
    text = ngettext(
        "%(count)d device is installing now and will finish.",
        "%(count)d devices are installing now and will finish.",
        count,
    )
    return text % {"count": count} if count else ""


def untouched_words(count: int) -> str:
    """How many have what they had."""
    text = ngettext(
        "%(count)d device is untouched and has the firmware that it had.",
        "%(count)d devices are untouched and have the firmware that they had.",
        count,
    )
    return text % {"count": count} if count else ""


@dataclass(frozen=True, slots=True)
class Effect:
    """What an act does to the devices in some states."""

    label: StrOrPromise
    count: int
    text: StrOrPromise


_GROUPS: Final = (
    ("not_begun", gettext_lazy("Waiting"), NOT_BEGUN),
    ("on_the_way", gettext_lazy("Being sent"), ON_THE_WAY),
    ("touched", gettext_lazy("Installing"), TOUCHED),
    ("ended", gettext_lazy("At an end"), ENDED),
)
_FINISH = gettext_lazy("They are past the point of no return, and finish.")
_STAY = gettext_lazy("They stay as they are.")
_EFFECTS: Final[Mapping[str, Mapping[str, StrOrPromise]]] = {
    "pause": {
        "not_begun": gettext_lazy("Nothing is offered to them until you resume."),
        "on_the_way": gettext_lazy(
            "They are taken back untouched, and begin anew when you resume."
        ),
        "touched": _FINISH,
        "ended": _STAY,
    },
    "resume": {
        "not_begun": gettext_lazy("It goes on with them, wave by wave."),
        "on_the_way": gettext_lazy("They go on."),
        "touched": _FINISH,
        "ended": gettext_lazy(
            "They stay as they are; those that failed are not tried again."
        ),
    },
    "stop": {
        "not_begun": gettext_lazy("They are not upgraded, and keep what they have."),
        "on_the_way": gettext_lazy(
            "They are taken back untouched, and keep what they have."
        ),
        "touched": _FINISH,
        "ended": _STAY,
    },
}
ACTS: Final = frozenset(_EFFECTS)


def effects(act: str, counts: Counts) -> list[Effect]:
    """What ``act`` does, for each kind of state that there may be."""
    return [
        Effect(label, count_in(counts, states), _EFFECTS[act][key])
        for key, label, states in _GROUPS
    ]
