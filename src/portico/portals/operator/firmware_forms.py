from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portico.devices.catalogue import all_models
from portico.firmware.services.versions import VersionData
from portico.portals.shared.forms import StyledForm

# What a reader looks through, and an answer still carries.
LOG_CHARS = 10_000


def _models() -> list[tuple[str, str]]:
    shown = [
        (key, f"{model.name} · {model.model_id} · {model.firmware_type}")
        for key, model in all_models().items()
    ]
    return [("", ""), *shown]


class LogForm(StyledForm):
    """What a version brings."""

    log = forms.CharField(
        label=_("Version Log"),
        max_length=LOG_CHARS,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("What is new, and what to mind. Every installer reads it."),
    )


class VersionForm(LogForm):
    """An image for a model, with its version."""

    model = forms.ChoiceField(
        label=_("Model"),
        choices=_models,
        help_text=_(
            "With the first number of its versions and the kind of its images."
        ),
    )
    version = forms.CharField(
        label=_("Version"),
        max_length=31,
        help_text=_("As the device reports it, for example 29.30.10.128."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "A .rom or .zip file of at most 512 MB, as the manufacturer hands it out."
        ),
        widget=forms.FileInput(attrs={"accept": ".rom,.zip"}),
        allow_empty_file=True,  # the service says so, beside all else
    )
    field_order = ("file", "model", "version", "log")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What was chosen stays chosen when the form comes back with an error.
        self.fields["file"].widget.attrs["hx-preserve"] = "true"

    def data_of_version(self) -> VersionData:
        """Only after ``is_valid``."""
        data = self.cleaned_data
        return VersionData(
            model=data["model"], version=data["version"], log=data["log"]
        )


class BadForm(StyledForm):
    """Why a version is known to be bad."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=255,
        help_text=_("Installers read it: what goes wrong, and under which conditions."),
    )
