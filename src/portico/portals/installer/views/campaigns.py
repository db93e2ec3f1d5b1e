"""An upgrade while it runs and afterwards: how it stands, pause, go on, stop (FW-3)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portico.firmware.enums import CampaignState, PauseReason, UpgradeState, WaveState
from portico.firmware.reports import counts_by_wave, names_in, search_upgrades_by
from portico.firmware.selectors import (
    counts_by_state,
    failed_devices,
    get_visible_campaign,
    preparation_of,
    upgrades_of,
    waves_of,
)
from portico.firmware.services.campaigns import pause, resume, stop
from portico.firmware.states import ERRORS, TOUCHED
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.kernel.mac import mac_part
from portico.portals.installer.campaign_words import (
    ACTS,
    DONE,
    NOT_BEGUN,
    ON_THE_WAY,
    UNTOUCHED,
    count_in,
    effects,
    harmed_words,
    headline,
    plan_words,
    untouched_words,
    writing_words,
)
from portico.portals.installer.frame import installer_only
from portico.portals.installer.upgrade_tables import TARGETS, UpgradeRow
from portico.portals.shared.figures import Bar, Part
from portico.portals.shared.forms import StyledForm, blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import show_list
from portico.portals.shared.progress import Progress

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portico.firmware.models import DeviceUpgrade, UpgradeCampaign, UpgradeWave
    from portico.portals.installer.campaign_words import Counts

# So many harmed devices are named; the list has the rest.
_NAMED = 5
_OPEN = (
    CampaignState.PREPARING,
    CampaignState.SCHEDULED,
    CampaignState.RUNNING,
    CampaignState.PAUSED,
)
_WAVE_LOOKS = {
    WaveState.WAITING: ("grey", "clock"),
    WaveState.RUNNING: ("blue", "player-play"),
    WaveState.SOAKING: ("blue", "eye"),
    WaveState.PASSED: ("green", "circle-check"),
    WaveState.TRIPPED: ("red", "circle-x"),
    WaveState.CANCELLED: ("grey", "ban"),
}


@dataclass(frozen=True, slots=True)
class WaveLine:
    """A wave with its devices by state."""

    wave: UpgradeWave
    bar: Bar

    @property
    def look(self) -> tuple[str, str]:
        return _WAVE_LOOKS[WaveState(self.wave.state)]


def _bar(counts: Counts, url: str) -> Bar:
    """Done, failed, on the way, left alone, waiting; each leads to exactly its rows."""
    return Bar(
        [
            Part(
                str(UpgradeState(state).label).capitalize(),
                counts.get(state, 0),
                colour,
                f"{url}{state}",
            )
            for state, colour in _COLOURS.items()
            if counts.get(state, 0)
        ]
    )


_COLOURS = {
    **dict.fromkeys(DONE, "green"),
    **dict.fromkeys(ERRORS, "red"),
    **dict.fromkeys(TOUCHED, "blue"),
    **dict.fromkeys(ON_THE_WAY, "teal"),
    UpgradeState.ABORTED: "amber",
    UpgradeState.SKIPPED: "grey",
    UpgradeState.CANCELLED: "grey",
    **dict.fromkeys(NOT_BEGUN, "faint"),
}


def _narrowed(upgrades: QuerySet[DeviceUpgrade], state: str) -> QuerySet[DeviceUpgrade]:
    groups: dict[str, Sequence[str]] = {"untouched": UNTOUCHED, "harmed": ERRORS}
    if not state:
        return upgrades
    return upgrades.filter(state__in=groups.get(state, [state]))


@installer_only
def campaign(request: StaffRequest, campaign_id: uuid.UUID) -> HttpResponse:
    found = get_visible_campaign(request.user, campaign_id)
    asked = TARGETS.ask(request)
    upgrades = upgrades_of(found).order_by("wave__number", "pk")
    upgrades = _narrowed(upgrades, asked["state"])
    upgrades = search_upgrades_by(upgrades, text=asked.text, mac=mac_part(asked.text))

    def rows(upgrades: Sequence[DeviceUpgrade]) -> Sequence[UpgradeRow]:
        for one in upgrades:
            one.campaign = found
        return [UpgradeRow(one) for one in upgrades]

    page = "installer/upgrade/campaign.html"
    context = _report(request, found)
    return show_list(
        request, TARGETS, asked, upgrades, items=rows, page=page, context=context
    )


def _report(request: StaffRequest, found: UpgradeCampaign) -> dict[str, Any]:
    counts = counts_by_state(found)
    url = f"{reverse('installer:campaign', args=[found.pk])}?state="
    by_wave = counts_by_wave(found)
    is_open = found.state in _OPEN
    left = preparation_of(found)
    return {
        "campaign": found,
        "is_open": is_open,
        "tone": _tone(found, counts),
        "headline": headline(found, counts, left),
        "preparing": Progress(left.done, left.total, is_under_way=True)
        if left
        else None,
        "harmed": harmed_words(
            count_in(counts, ERRORS), names_in(found, ERRORS, _NAMED)
        ),
        "writing": writing_words(count_in(counts, TOUCHED)),
        "untouched": untouched_words(count_in(counts, UNTOUCHED)),
        "bar": _bar(counts, url),
        "waves": [
            WaveLine(wave, _bar(by_wave.get(wave.pk, {}), url))
            for wave in waves_of(found)
        ],
        "facts": plan_words(found),
        "can_repeat": not is_open and bool(failed_devices(request.user, found)),
    }


def _tone(found: UpgradeCampaign, counts: Counts) -> tuple[str, str]:
    """Colour and icon of the banner."""
    has_failed = count_in(counts, ERRORS) > 0
    if found.state == CampaignState.PAUSED:
        by_hand = found.pause_reason == PauseReason.MANUAL
        return ("amber", "player-pause") if by_hand else ("red", "alert-octagon")
    if found.state == CampaignState.COMPLETED:
        return ("amber", "alert-triangle") if has_failed else ("green", "circle-check")
    if found.state == CampaignState.STOPPED:
        return ("amber", "player-stop")
    return ("amber", "alert-triangle") if has_failed else ("blue", "cloud-upload")


class ResumeForm(StyledForm):
    """After the error limit it goes on only with the failures seen."""

    forgive = forms.BooleanField(
        label=gettext_lazy("I have looked at the devices that failed"),
        required=False,
        help_text=gettext_lazy("From now on only new failures count."),
    )


@installer_only
def campaign_act(
    request: StaffRequest, campaign_id: uuid.UUID, act: str
) -> HttpResponse:
    """Asks first: what it does to the devices in each state stands on the page."""
    found = get_visible_campaign(request.user, campaign_id)
    if act not in ACTS:
        raise NotVisible
    is_sent = request.method == "POST"
    form = ResumeForm(request.POST if is_sent else None)
    if is_sent and form.is_valid():
        try:
            _act(request, found, act, forgive=form.cleaned_data["forgive"])
        except DomainError as error:
            if error.field != "forgive":
                messages.error(request, str(error))
                return redirect("installer:campaign", found.pk)
            blame(form, error)
        else:
            return redirect("installer:campaign", found.pk)
    context = {
        "campaign": found,
        "act": act,
        "form": form,
        "effects": effects(act, counts_by_state(found)),
        "asks": act == "resume" and found.pause_reason == PauseReason.ERROR_LIMIT,
    }
    return render(request, "installer/upgrade/act.html", context)


def _act(
    request: StaffRequest, found: UpgradeCampaign, act: str, *, forgive: bool
) -> None:
    actor, now = request.user, utcnow()
    if act == "pause":
        pause(actor=actor, campaign=found, now=now)
        messages.success(request, _("The upgrade is paused."))
    elif act == "resume":
        resume(actor=actor, campaign=found, forgive=forgive, now=now)
        messages.success(request, _("The upgrade goes on."))
    else:
        stop(actor=actor, campaign=found, now=now)
        messages.success(request, _("The upgrade is stopped."))
