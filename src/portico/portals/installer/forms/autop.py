"""The form of AutoP commands: which, how long they stay, and to which devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portico.kernel.errors import DomainError
from portico.kernel.ids import new_id
from portico.portals.installer.forms.choosing import (
    ALL,
    CHOSEN,
    SAVED,
    Choosing,
    TargetForm,
)
from portico.portals.shared.forms import StyledForm, blame
from portico.provisioning.commands import MAX_BYTES
from portico.provisioning.enums import AutopKind
from portico.provisioning.errors import BadCommands
from portico.provisioning.services.autop import AutopData, Waves

if TYPE_CHECKING:
    from portico.accounts.models import User


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


class BatchForm(CommandsForm, TargetForm):
    """Commands for many devices at once (PRV-3)."""

    wave_size = forms.IntegerField(
        label=_("Devices in a wave"), min_value=1, max_value=1000, required=False
    )
    wave_minutes = forms.IntegerField(
        label=_("Minutes between waves"), min_value=1, max_value=1440, required=False
    )

    def clean(self) -> dict[str, Any]:
        """Waves have a size and a pace."""
        data = super().clean()
        if data.get("target") in {ALL, SAVED}:
            self.need("wave_size", "wave_minutes")
        return data


class BatchDraft:
    """The form while devices are looked for, and when it is sent.

    With ``act`` it is drawn again with what was typed, unchecked: "look" searches,
    "all_found" chooses up to 500 of what is found.
    """

    def __init__(
        self,
        data: QueryDict | None,
        *,
        actor: User,
        site: str = "",
        text: str = "",
        saved: str = "",
    ) -> None:
        self.act = data.get("act", "") if data else ""
        self.choosing = Choosing(data, actor=actor, site=site, text=text, saved=saved)
        self.form = BatchForm(
            data if data and not self.act else None,
            initial=self._values(data),
            choosing=self.choosing,
        )

    def _values(self, data: QueryDict | None) -> dict[str, Any]:
        if data is None:
            return {
                "token": new_id(),
                "kind": AutopKind.REGULAR,
                "target": SAVED if self.choosing.saved else CHOSEN,
                "saved": self.choosing.saved,
                "wave_size": 50,
                "wave_minutes": 10,
            }
        return data.dict() | {"devices": self.choosing.chosen()}

    def is_valid(self) -> bool:
        """Whether it may be handed to the service."""
        return self.form.is_bound and self.form.is_valid()

    def devices(self) -> list[int]:
        """The keys of the devices that it is for."""
        return self.choosing.ids(self.form.cleaned_data)

    def waves(self) -> Waves | None:
        """How it goes out; None: at once."""
        data = self.form.cleaned_data
        if data["target"] == CHOSEN:
            return None
        return Waves(size=data["wave_size"], minutes=data["wave_minutes"])
