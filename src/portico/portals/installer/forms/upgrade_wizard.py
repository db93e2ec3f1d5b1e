"""An upgrade of many devices in five steps: devices, version, plan, dry run, confirm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from portico.devices.selectors import model_counts, visible_devices
from portico.firmware.services.campaigns import DryRun, PlanData, dry_run
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError
from portico.portals.installer.campaign_words import plan_words
from portico.portals.installer.forms.choosing import (
    CHOSEN,
    GIVEN,
    Choosing,
    Given,
    TargetForm,
)
from portico.portals.installer.forms.upgrade import (
    NOW,
    RESET_HELP,
    WhenForm,
    offered_versions,
    set_choices,
    version_choices,
)
from portico.portals.shared.forms import StyledForm, blame
from portico.portals.shared.lists import whole_number
from portico.sites.enums import SiteKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.http import QueryDict

    from portico.accounts.models import User
    from portico.firmware.models import FirmwareVersion, UpgradeCampaign

STEPS = {
    "devices": _("Devices"),
    "version": _("Version"),
    "plan": _("Waves and guards"),
    "check": _("Dry run"),
    "confirm": _("Confirm"),
}
_FORMS = ("devices", "version", "plan")


class DevicesStep(TargetForm):
    """Which devices."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    project = forms.ChoiceField(
        label=_("Project Type"), choices=SiteKind.choices, widget=forms.RadioSelect
    )

    def clean(self) -> dict[str, Any]:
        """Who chooses one by one chooses some."""
        data = super().clean()
        is_chosen = data.get("target") == CHOSEN and "devices" not in self.errors
        if is_chosen and not data.get("devices"):
            self.add_error("devices", _("Choose at least one device."))
        return data


class VersionStep(StyledForm):
    """To which version, and what is allowed for it."""

    version = forms.ChoiceField(label=_("Firmware Version"))
    reset_after = forms.BooleanField(
        label=_("Reset After Upgrade"), required=False, help_text=RESET_HELP
    )
    allow_downgrade = forms.BooleanField(
        label=_("Devices with a newer version get this one, too"),
        required=False,
        help_text=_("Without it they are left alone."),
    )


def _number(label: Any, least: int, most: int, text: Any = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=least, max_value=most, help_text=text
    )


class PlanStep(WhenForm):
    """When, in which waves, and what stops it."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=63,
        help_text=_("In lists and notifications. Left empty it is the version."),
    )
    waves = forms.CharField(
        label=_("Waves"),
        max_length=127,
        help_text=_(
            "The share of each wave in percent, 100 together, for example 5, 25, 70. The"
            " next wave begins when every device of one is done. Two entrances of one"
            " house are never in the same wave; waves are added for that."
        ),
    )
    soak_minutes = _number(
        _("Minutes between waves"),
        0,
        10_080,
        _("So long it is watched whether a wave's devices stay well."),
    )
    window_from = forms.TimeField(
        label=_("Only from"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    window_to = forms.TimeField(
        label=_("Only until"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("On the clock of each site. Both empty: at any hour."),
    )
    error_percent = _number(
        _("Stop when more than this share fails, in percent"), 0, 100
    )
    error_sample = _number(_("The share counts from so many devices on"), 1, 1000)
    error_cap = _number(_("Stop when so many fail in all"), 1, 10_000)
    patience_hours = _number(
        _("Hours a wave waits for devices that are offline"), 1, 8760
    )
    horizon_days = _number(
        _("Days a device is waited for"),
        1,
        365,
        _("The next waves go on without it; it gets the version when it comes."),
    )
    retries = _number(
        _("Tries for each device"),
        1,
        20,
        _(
            "After causes that pass, such as a broken download. Nothing was written then."
        ),
    )

    def clean_waves(self) -> tuple[int, ...]:
        """Whole numbers; whether they are a whole the service says."""
        parts = self.cleaned_data["waves"].replace("%", "").replace(",", " ").split()
        numbers = [whole_number(part) for part in parts]
        if None in numbers or not numbers:
            raise forms.ValidationError(
                _("Write whole numbers, for example 5, 25, 70.")
            )
        return tuple(number for number in numbers if number is not None)

    def clean(self) -> dict[str, Any]:
        """Hours have two ends."""
        data = super().clean()
        start, end = data.get("window_from"), data.get("window_to")
        if (start is None) != (end is None) and "window_to" not in self.errors:
            self.add_error("window_to", _("Choose both, or neither."))
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What the wizard is opened with.

    ``given``: devices to begin with, beside those that can be searched for. ``campaign``:
    the one that is changed; ``follows``: the one whose failed devices are tried again.
    """

    values: Mapping[str, Any]
    given: Given | None = None
    campaign: UpgradeCampaign | None = None
    follows: UpgradeCampaign | None = None


class UpgradeWizard:
    """An upgrade being planned. Every step's form carries what the others hold.

    The button ``to`` says where to go: to a step, or ``submit``. One goes on only when
    the steps before are in order; back one may go always.
    """

    steps = STEPS

    def __init__(
        self, data: QueryDict | None, *, actor: User, beginning: Beginning
    ) -> None:
        self._actor, self.beginning = actor, beginning
        self.campaign = beginning.campaign
        self.act = data.get("act", "") if data else ""
        wanted = data.get("to", "devices") if data else "devices"
        wanted = "devices" if self.act else wanted
        values: dict[str, Any] = {**data.dict()} if data else dict(beginning.values)
        asked = str(values.get("project", ""))
        project = asked if asked in SiteKind.values else ""
        self.choosing = Choosing(
            data,
            actor=actor,
            devices=visible_devices(actor).filter(site__kind=project),
            saved=str(values.get("saved", "")),
            chosen=beginning.values.get("devices", ()),
            given=beginning.given,
        )
        self.seen = [one for one in _FORMS if data and f"seen_{one}" in data]
        values["devices"] = self.choosing.chosen()
        typed = data if data and not self.act else None
        self.devices = DevicesStep(typed, initial=values, choosing=self.choosing)
        self.version = VersionStep(
            data if "version" in self.seen else None, initial=beginning.values
        )
        self.plan_form = PlanStep(
            data if "plan" in self.seen else None, initial=beginning.values
        )
        self._offer_versions()
        self.dry_run: DryRun | None = None
        self.step = self._reached(wanted)
        self.is_complete = wanted == "submit" and self.step == "confirm"

    @property
    def form(self) -> StyledForm:
        """That of the step; the last two have none."""
        return self._form(self.step if self.step in _FORMS else "devices")

    @property
    def others(self) -> list[StyledForm]:
        """What the step carries along, hidden."""
        return [
            self._form(one) for one in _FORMS if one != self.step and self._is_in(one)
        ]

    @property
    def carried(self) -> list[str]:
        """The steps that were filled in, this one among them."""
        return [one for one in _FORMS if one == self.step or self._is_in(one)]

    def _is_in(self, step: str) -> bool:
        return step == "devices" or step in self.seen

    def _form(self, step: str) -> StyledForm:
        forms_by_step = {
            "devices": self.devices,
            "version": self.version,
            "plan": self.plan_form,
        }
        return forms_by_step[step]

    def _offer_versions(self) -> None:
        """Those for the models of the devices; they are known once these are."""
        is_known = self.devices.is_bound and self.devices.is_valid()
        self.models = self._models() if is_known else {}
        self.versions = offered_versions([*self.models]) if is_known else []
        set_choices(self.version, "version", version_choices(self.versions))

    def _models(self) -> dict[str, int]:
        return model_counts(self.choosing.targets(self.devices.cleaned_data))

    def _reached(self, wanted: str) -> str:
        for step in _FORMS:
            form = self._form(step)
            if step == wanted or not form.is_bound:
                form.errors.clear()  # nothing is said about what is not finished
                return step
            if not form.is_valid():
                return step
        if wanted == "submit":
            return "confirm"
        return self._checked("check" if wanted == "check" else "confirm")

    def _checked(self, step: str) -> str:
        try:
            self.dry_run = dry_run(
                actor=self._actor,
                devices=self.device_ids(),
                plan=self.plan(),
                now=utcnow(),
            )
        except DomainError as error:
            return self._blamed(error)
        return step

    def _blamed(self, error: DomainError) -> str:
        """Show what was refused; returns the step that it belongs to."""
        step = next((s for s in _FORMS if error.field in self._form(s).fields), "plan")
        blame(self._form(step), error)
        return step

    def blame(self, error: DomainError) -> None:
        """Show what the service refused, in the step that it belongs to."""
        self.step = self._blamed(error)

    def device_ids(self) -> list[int]:
        """The keys of the devices that it is for."""
        return self.choosing.ids(self.devices.cleaned_data)

    @cached_property
    def chosen_version(self) -> FirmwareVersion:
        """Only when its step is in order."""
        number = int(self.version.cleaned_data["version"])
        return next(one for one in self.versions if one.pk == number)

    def plan(self) -> PlanData:
        """The cleaned steps as the service takes them."""
        devices, version = self.devices.cleaned_data, self.version.cleaned_data
        data = self.plan_form.cleaned_data
        start, end = data["window_from"], data["window_to"]
        numbers = (
            "soak_minutes",
            "error_percent",
            "error_sample",
            "error_cap",
            "patience_hours",
            "horizon_days",
            "retries",
        )
        return PlanData(
            version=self.chosen_version,
            project=SiteKind(devices["project"]),
            token=devices["token"],
            name=data["name"],
            local_start=self.plan_form.start(),
            reset_after=version["reset_after"],
            allow_downgrade=version["allow_downgrade"],
            window=None if start is None else (start, end),
            waves=data["waves"],
            follows=self.beginning.follows,
            **{name: data[name] for name in numbers},
        )

    @property
    def summary(self) -> list[tuple[str, str]]:
        """What was entered after the devices, in words, for the last step."""
        return plan_words(self.plan())


def first_values() -> dict[str, Any]:
    """What a new campaign begins with."""
    known = PlanData.__dataclass_fields__
    numbers = ("error_percent", "error_sample", "error_cap", "patience_hours")
    return {
        "project": SiteKind.SINGLE_FAMILY,
        "target": CHOSEN,
        "when": NOW,
        "waves": "10, 30, 60",
        "soak_minutes": 60,
        **{name: known[name].default for name in (*numbers, "horizon_days", "retries")},
    }


def values_of(campaign: UpgradeCampaign, shares: Sequence[int]) -> dict[str, Any]:
    """What a campaign was ordered with."""
    names = (
        "project",
        "name",
        "local_start",
        "reset_after",
        "allow_downgrade",
        "window_from",
        "window_to",
        "soak_minutes",
        "error_percent",
        "error_sample",
        "error_cap",
        "patience_hours",
        "horizon_days",
        "retries",
    )
    return {name: getattr(campaign, name) for name in names} | {
        "version": str(campaign.version_id),
        "waves": ", ".join(map(str, shares)),
        "when": "later" if campaign.local_start else NOW,
        "target": GIVEN,
    }
