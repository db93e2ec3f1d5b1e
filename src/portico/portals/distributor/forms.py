from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portico.devices.catalogue import all_models
from portico.portals.shared.forms import StyledForm


def _models() -> list[tuple[str, str]]:
    unknown = ("", str(_("Not known")))
    named = [(m.key, f"{m.name} · {m.kind.label}") for m in all_models().values()]
    return [unknown, *named]


class MacForm(StyledForm):
    """One MAC for the library."""

    mac = forms.CharField(
        label=_("MAC"),
        max_length=31,
        help_text=_("From the label, for example 0C:11:05:12:34:56."),
        widget=forms.TextInput(
            attrs={"data-mac": True, "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    model = forms.ChoiceField(
        label=_("Model"),
        choices=_models,
        required=False,
        help_text=_("Left unknown, the unit tells it at its first contact."),
    )


class ImportForm(StyledForm):
    """A file of MACs."""

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "CSV or XLSX, at most 5 MB and 20,000 rows. First column MAC, second column"
            " Model (may be empty)."
        ),
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx"}),
        error_messages={"required": _("Choose a file.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].widget.attrs["class"] = "form-control"
