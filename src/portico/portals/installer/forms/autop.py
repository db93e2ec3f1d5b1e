"""The form of AutoP commands: which, how long they stay, and to which devices."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portico.devices.selectors import search_devices, visible_devices
from portico.kernel.errors import DomainError
from portico.kernel.ids import new_id
from portico.portals.shared.forms import StyledForm, blame
from portico.portals.shared.lists import plain, whole_number
from portico.provisioning.commands import MAX_BYTES
from portico.provisioning.enums import AutopKind
from portico.provisioning.errors import BadCommands
from portico.provisioning.services.autop import MOST_CHOSEN, AutopData, Waves

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portico.accounts.models import User
    from portico.devices.models import Device

# What is shown of a search; who finds more searches on, or chooses all that are found.
FOUND = 20
_SEARCH_CHARS = 100
_CHOSEN, _ALL = "chosen", "all"
# Of an order in waves: more devices than any company has.
_MOST = 100_000


class CommandsForm(StyledForm):
    """Commands for the one device that the page is of."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(
        label=_("Type"), choices=AutopKind.choices, widget=forms.RadioSelect
    )
    text = forms.CharField(
        label=_("Commands"),
        required=False,
        max_length=MAX_BYTES,
        strip=False,
        widget=forms.Textarea(
            attrs={
                "rows": 8,
                "class": "mono",
                "dir": "ltr",
                "spellcheck": "false",
                "autocomplete": "off",
                "autocapitalize": "off",
                "placeholder": "Config.Settings.LANGUAGE.Type = 1",
            }
        ),
        help_text=_("One a line: Config.A.B = value. At most 200 lines and 16 KB."),
    )
    replaces = forms.BooleanField(
        label=_("Replace all Regular commands that the devices have"),
        required=False,
        help_text=_("With no command above, they simply end."),
    )
    confirmed = forms.BooleanField(
        label=_("I know what dangerous commands do, and mean it"), required=False
    )

    def autop_data(self) -> AutopData:
        """The cleaned form as the service takes it."""
        data = self.cleaned_data
        kind = AutopKind(data["kind"])
        return AutopData(
            kind=kind,
            text=data["text"],
            replaces=data["replaces"] and kind == AutopKind.REGULAR,
            is_confirmed=data["confirmed"],
            token=data["token"],
        )

    def blame(self, error: DomainError) -> None:
        """Show what the domain refused where it belongs, each line by itself."""
        if isinstance(error, BadCommands):
            for problem in error.problems:
                self.add_error("text", problem)
        else:
            blame(self, error)


class BatchForm(CommandsForm):
    """Commands for many devices at once (PRV-3)."""

    target = forms.ChoiceField(
        label=_("Devices"),
        choices=[
            (_CHOSEN, _("Chosen devices")),
            (_ALL, _("All that the search finds, in waves")),
        ],
        widget=forms.RadioSelect,
    )
    devices = forms.MultipleChoiceField(
        label=_("Devices"), required=False, widget=forms.CheckboxSelectMultiple
    )
    wave_size = forms.IntegerField(
        label=_("Devices in a wave"), min_value=1, max_value=1000, required=False
    )
    wave_minutes = forms.IntegerField(
        label=_("Minutes between waves"), min_value=1, max_value=1440, required=False
    )

    def __init__(
        self, *args: Any, choices: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["devices"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 -- declared so
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        """Waves have a size and a pace."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("target") == _ALL:
            for name in ("wave_size", "wave_minutes"):
                if not data.get(name) and name not in self.errors:
                    self.add_error(name, self.fields[name].error_messages["required"])
        return data


class BatchDraft:
    """The form while devices are looked for, and when it is sent.

    With ``act`` it is drawn again with what was typed, unchecked: "look" searches,
    "all_found" chooses up to 500 of what is found.
    """

    def __init__(
        self, data: QueryDict | None, *, actor: User, site: str = "", text: str = ""
    ) -> None:
        self._actor, self._data = actor, data
        self.act = data.get("act", "") if data else ""
        typed = data.get("find", "") if data else text
        self.find = plain(typed, _SEARCH_CHARS)
        self.site = plain(data.get("site", "") if data else site, 36)
        values = self._values()
        self.form = BatchForm(
            data if data and not self.act else None,
            initial=values,
            choices=self._choices(values["devices"]),
        )

    def _values(self) -> dict[str, Any]:
        if self._data is None:
            return {
                "token": new_id(),
                "kind": AutopKind.REGULAR,
                "target": _CHOSEN,
                "devices": [],
                "wave_size": 50,
                "wave_minutes": 10,
            }
        values: dict[str, Any] = dict(self._data.dict())
        values["devices"] = self._data.getlist("devices")
        if self.act == "all_found":
            found = self.found().values_list("pk", flat=True)[: MOST_CHOSEN + 1]
            chosen = dict.fromkeys([*values["devices"], *map(str, found)])
            values["devices"] = list(chosen)[: MOST_CHOSEN + 1]
        return values

    def found(self) -> QuerySet[Device]:
        """The devices that the search finds, of one site where it began at one."""
        devices = visible_devices(self._actor)
        if site := _uuid(self.site):
            devices = devices.filter(site=site)
        return search_devices(devices, text=self.find)

    def _choices(self, chosen: list[str]) -> list[tuple[str, str]]:
        ids = [
            number
            for text in chosen[: MOST_CHOSEN + 1]
            if (number := whole_number(text)) is not None
        ]
        mine = list(visible_devices(self._actor).filter(pk__in=ids).order_by("name"))
        found = self.found()
        self.found_count = found.count()
        self.chosen_count = len(mine)
        rows = {one.pk: one for one in [*mine, *found[:FOUND]]}
        return [(str(pk), _label(device)) for pk, device in rows.items()]

    def is_valid(self) -> bool:
        """Whether it may be handed to the service."""
        return self.form.is_bound and self.form.is_valid()

    def devices(self) -> list[int]:
        """The keys of the devices that it is for."""
        data = self.form.cleaned_data
        if data["target"] == _ALL:
            return list(self.found().values_list("pk", flat=True)[:_MOST])
        return [int(pk) for pk in data["devices"]]

    def waves(self) -> Waves | None:
        """How it goes out; None: at once."""
        data = self.form.cleaned_data
        if data["target"] != _ALL:
            return None
        return Waves(size=data["wave_size"], minutes=data["wave_minutes"])


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _label(device: Device) -> str:
    parts = (device.name, device.site.room_name, device.model, device.pretty_mac)
    return " · ".join(part for part in parts if part)
