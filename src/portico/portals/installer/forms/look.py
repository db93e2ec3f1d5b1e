"""Where a house's bridge looks for units."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portico.portals.shared.forms import StyledForm

_ADDRESS = {
    "autocomplete": "off",
    "autocapitalize": "none",
    "spellcheck": "false",
    "inputmode": "decimal",
}


def _address_field(label: Any) -> forms.CharField:
    # Longer ones are refused with the domain's words.
    widget = forms.TextInput(attrs=_ADDRESS)
    return forms.CharField(label=label, max_length=63, widget=widget)


class LookForm(StyledForm):
    """A range of addresses, both ends included."""

    first = _address_field(_("First address"))
    last = _address_field(_("Last address"))

    def __init__(
        self, data: Any = None, *, likely: tuple[str, str] | None = None
    ) -> None:
        initial = dict(zip(("first", "last"), likely, strict=True)) if likely else {}
        super().__init__(data, initial=initial)
