"""The form of a simple upgrade: a version, devices of its model, now or at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from portico.devices.selectors import visible_devices
from portico.firmware.rules import order_of
from portico.firmware.selectors import firmware_versions, upgrades_of
from portico.firmware.services.campaigns import PlanData
from portico.kernel.ids import new_id
from portico.portals.installer.forms.choosing import Choosing
from portico.portals.shared.forms import StyledForm, blame
from portico.portals.shared.lists import whole_number
from portico.sites.enums import SiteKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import QueryDict

    from portico.accounts.models import User
    from portico.devices.models import Device
    from portico.firmware.models import FirmwareVersion, UpgradeCampaign
    from portico.kernel.errors import DomainError

NOW, LATER = "now", "later"
# As browsers send a local date and time, without the seconds that some add.
_LOCAL_CHARS: Final = 16


def offered_versions(models: Sequence[str] | None = None) -> list[FirmwareVersion]:
    """The versions that may be chosen, by model, the newest first."""
    rows = firmware_versions().filter(known_bad="", artifact__isnull=False)
    found = rows if models is None else rows.filter(model__in=models)
    newest_first = sorted(found, key=lambda one: order_of(one.version), reverse=True)
    return sorted(newest_first, key=lambda one: one.model)


def version_choices(versions: Sequence[FirmwareVersion]) -> list[tuple[str, str]]:
    """For a field, with an empty choice first."""
    named = [(str(one.pk), f"{one.model} · {one.version}") for one in versions]
    return [("", str(_("Choose a version"))), *named]


def set_choices(form: forms.Form, name: str, choices: Sequence[Any]) -> None:
    """What the field ``name`` offers."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101 -- declared so
    field.choices = list(choices)


class WhenForm(StyledForm):
    """Now, or at a time on the clock of each site."""

    when = forms.ChoiceField(
        label=_("Time"),
        choices=[(NOW, _("Now")), (LATER, _("At a time"))],
        widget=forms.RadioSelect,
    )
    local_start = forms.CharField(
        label=_("Start"),
        required=False,
        max_length=31,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text=_("On the clock of each site, in its own time zone."),
    )

    def clean_local_start(self) -> str:
        """Without seconds."""
        return str(self.cleaned_data["local_start"])[:_LOCAL_CHARS]

    def clean(self) -> dict[str, Any]:
        """Who begins later says when."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("when") == LATER and not data.get("local_start"):
            self.add_error("local_start", _("Choose when it begins."))
        return data

    def start(self) -> str:
        """When, as the service takes it; empty: now."""
        is_later = self.cleaned_data["when"] == LATER
        return str(self.cleaned_data["local_start"]) if is_later else ""


RESET_HELP = _(
    "The unit's configuration is saved first. After the upgrade the unit is reset to the"
    " state of the factory, and its bridge gives it its address again; configuration,"
    " codes, cards and faces are sent anew. Only where a bridge is: other devices are left"
    " alone."
)


class UpgradeForm(WhenForm):
    """Upgrade > New (FW-2)."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    project = forms.ChoiceField(
        label=_("Project Type"), choices=SiteKind.choices, widget=forms.RadioSelect
    )
    version = forms.ChoiceField(label=_("Firmware Version"))
    devices = forms.MultipleChoiceField(
        label=_("Devices"), widget=forms.CheckboxSelectMultiple
    )
    reset_after = forms.BooleanField(
        label=_("Reset After Upgrade"), required=False, help_text=RESET_HELP
    )


class UpgradeDraft:
    """The form while devices are looked for, and when it is sent.

    ``campaign``: the one that is changed. With ``act`` it is drawn again with what was
    typed, unchecked.
    """

    def __init__(
        self,
        data: QueryDict | None,
        *,
        actor: User,
        version: str = "",
        device: Device | None = None,
        campaign: UpgradeCampaign | None = None,
    ) -> None:
        self._actor, self._data = actor, data
        self.act = data.get("act", "") if data else ""
        self.versions = offered_versions()
        beginning = self._beginning(version, device, campaign)
        values: dict[str, Any] = {**data.dict()} if data is not None else beginning
        self.version = self._version(str(values.get("version", "")))
        self.project = str(values.get("project", ""))
        self.choosing = Choosing(
            data,
            actor=actor,
            devices=self._devices(),
            chosen=beginning["devices"],
        )
        values["devices"] = self.choosing.chosen()
        self.form = UpgradeForm(
            data if data is not None and not self.act else None, initial=values
        )
        set_choices(self.form, "version", version_choices(self.versions))
        set_choices(self.form, "devices", self.choosing.choices)

    def _beginning(
        self, version: str, device: Device | None, campaign: UpgradeCampaign | None
    ) -> dict[str, Any]:
        values: dict[str, Any] = {
            "token": new_id(),
            "project": device.site.kind if device else SiteKind.SINGLE_FAMILY,
            "version": version,
            "when": NOW,
            "devices": [device.pk] if device else [],
        }
        if campaign is None:
            return values
        rows = upgrades_of(campaign).filter(device__isnull=False)
        return values | {
            "token": campaign.edition,
            "project": campaign.project,
            "version": str(campaign.version_id),
            "when": LATER if campaign.local_start else NOW,
            "local_start": campaign.local_start,
            "reset_after": campaign.reset_after,
            "devices": [*rows.values_list("device", flat=True)],
        }

    def _version(self, text: str) -> FirmwareVersion | None:
        number = whole_number(text)
        return next((one for one in self.versions if one.pk == number), None)

    def _devices(self) -> QuerySet[Device]:
        """Those of the version's model; before one is chosen there is none."""
        devices = visible_devices(self._actor)
        if self.version is None or self.project not in SiteKind.values:
            return devices.none()
        return devices.filter(model=self.version.model, site__kind=self.project)

    def is_valid(self) -> bool:
        """Whether it may be handed to the service."""
        return self.form.is_bound and self.form.is_valid()

    def devices(self) -> list[int]:
        """The keys of the devices that it is for."""
        return [int(pk) for pk in self.form.cleaned_data["devices"]]

    def plan(self) -> PlanData:
        """The cleaned form as the service takes it."""
        data = self.form.cleaned_data
        assert self.version is not None  # noqa: S101 -- one of the choices
        return PlanData(
            version=self.version,
            project=SiteKind(data["project"]),
            token=data["token"],
            local_start=self.form.start(),
            reset_after=data["reset_after"],
            is_simple=True,
        )

    def blame(self, error: DomainError) -> None:
        """Show what the service refused."""
        blame(self.form, error)
