"""The form of an account at a vendor of locks (DEV-6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portico.locks.ports import Brand
from portico.portals.shared.forms import StyledForm, dress

_QUIET = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class LockAccountForm(StyledForm):
    """Name and the brand's own fields; what is secret is never shown again."""

    name = forms.CharField(
        label=_("Name"),
        max_length=63,
        help_text=_("What your company calls this account."),
    )

    def __init__(
        self, data: Any = None, *, brand: Brand, saved: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(data, initial={"name": (saved or {}).get("name", "")})
        self.brand = brand
        for one in brand.fields:
            widget: forms.Widget = forms.TextInput(attrs=dict(_QUIET))
            if one.is_secret:
                widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
            known = "" if one.is_secret else (saved or {}).get(one.key, one.initial)
            self.fields[one.key] = forms.CharField(
                label=one.label,
                initial=known,
                max_length=255,
                help_text=one.help_text,
                widget=widget,
                strip=not one.is_secret,
            )
        dress(self)

    def values(self) -> dict[str, str]:
        """The brand's fields as they were entered."""
        return {one.key: self.cleaned_data[one.key] for one in self.brand.fields}
