"""Forms about companies and the people in them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from portico.portals.shared.choices import MAIL_LANGUAGES
from portico.portals.shared.forms import StyledForm, VersionField, ZoneField
from portico.tenancy.services.companies import CompanyData
from portico.tenancy.services.members import PersonData

_USER_NAME = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._-]{2,62}$",
    _(
        "3 to 63 letters of the Latin alphabet, digits, dots, hyphens and underscores,"
        " beginning with a letter or digit."
    ),
)


class PersonForm(StyledForm):
    """An account for somebody of the staff."""

    person = forms.CharField(label=_("Name"), max_length=127)
    username = forms.CharField(
        label=_("User name"),
        max_length=63,
        validators=[_USER_NAME],
        help_text=_("To sign in with; the email works as well."),
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )
    email = forms.EmailField(
        label=_("Email"),
        max_length=254,
        help_text=_("The invitation goes here."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    language = forms.ChoiceField(
        label=_("Language"), choices=MAIL_LANGUAGES, help_text=_("Of the mails.")
    )
    # The one that was shown; a new account has none.
    version = VersionField()

    def person_data(self) -> PersonData:
        """What the service makes an account of; only after ``is_valid``."""
        data = self.cleaned_data
        return PersonData(
            username=data.get("username", ""),
            name=data["person"],
            email=data["email"],
            language=data["language"],
        )


class CompanyForm(StyledForm):
    """A company as it can be changed; ``version`` is the one that was shown."""

    name = forms.CharField(label=_("Company"), max_length=127)
    time_zone = ZoneField()
    version = VersionField()


class NewCompanyForm(PersonForm):
    """A company below one's own, with the person who speaks for it."""

    name = forms.CharField(label=_("Company"), max_length=127)
    time_zone = ZoneField(
        help_text=_("The new account and the houses begin with this zone.")
    )
    field_order = ("name", "time_zone", "person", "username", "email", "language")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].label = _("Contact")

    def company_data(self) -> CompanyData:
        """What the service makes a company of; only after ``is_valid``."""
        data = self.cleaned_data
        return CompanyData(data["name"], data["time_zone"], self.person_data())
