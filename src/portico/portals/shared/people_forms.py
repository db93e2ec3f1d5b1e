"""The people of one's own company (ORG-1, ORG-2)."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portico.portals.shared.company_forms import PersonForm


class SubInstallerForm(PersonForm):
    """Somebody who works on some of the sites."""

    sites = forms.MultipleChoiceField(
        label=_("Assigned sites"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("He sees these sites and those that he adds himself."),
    )

    def __init__(self, *args: Any, sites: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["sites"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 -- declared so
        field.choices = sites

    def site_ids(self) -> list[uuid.UUID]:
        """The chosen sites; only after ``is_valid``."""
        return [uuid.UUID(value) for value in self.cleaned_data["sites"]]


class ManagerForm(PersonForm):
    """Somebody who manages communities; signs in by email."""

    password_reminder = forms.BooleanField(
        label=_("Monthly password reminder"),
        required=False,
        help_text=_("A mail once a month asks to change the password."),
    )
    email_code = forms.BooleanField(
        label=_("Two-factor sign-in by email"),
        required=False,
        help_text=_("A code from his mailbox is needed to sign in."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["username"]
