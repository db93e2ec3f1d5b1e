"""Somebody who lives in a house: the master within his house's form, and members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import phonenumbers
from django import forms
from django.utils.translation import gettext_lazy as _

from portico.accounts.enums import TimeFormat
from portico.portals.shared.choices import (
    MAIL_LANGUAGES,
    country_choices,
    country_of_zone,
    dial_code,
)
from portico.portals.shared.forms import StyledForm
from portico.sites.services.registration import PersonData

if TYPE_CHECKING:
    from portico.sites.models import Resident, Site


class CountrySelect(forms.Select):
    """A select whose options carry their dial code, for the mobile number's prefix."""

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """One option, with its dial code as data."""
        option: dict[str, Any] = super().create_option(*args, **kwargs)
        option["attrs"]["data-dial-code"] = dial_code(str(option["value"]))
        return option


class ContactForm(StyledForm):
    """Who somebody is, and how he is reached."""

    name = forms.CharField(label=_("Name"), max_length=127)
    email = forms.EmailField(
        label=_("Email"),
        required=False,
        max_length=254,
        help_text=_(
            "Email or mobile number is needed: one of them is the sign-in name."
        ),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    country = forms.ChoiceField(
        label=_("Country/Region"),
        choices=country_choices,
        required=False,
        widget=CountrySelect(attrs={"data-dial-code-for": "dial-code"}),
    )
    phone = forms.CharField(
        label=_("Mobile Number"),
        max_length=31,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    language = forms.ChoiceField(
        label=_("Language"), choices=MAIL_LANGUAGES, initial="en"
    )

    @property
    def chosen_dial_code(self) -> str:
        """What stands before the mobile number."""
        return dial_code(str(self["country"].value() or "")) or "+"


class ResidentForm(ContactForm):
    """The master or a family member of a house that there is."""

    # The one that was shown; a new account has none.
    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].help_text = _("Of the mails.")

    def person_data(self, site: Site) -> PersonData:
        """The cleaned form as the services take it."""
        data = self.cleaned_data
        return PersonData(
            name=data["name"],
            email=data["email"],
            country=data["country"],
            phone=data["phone"],
            language=data["language"],
            time_format=TimeFormat(site.time_format),
        )


def initial_of(site: Site, resident: Resident | None) -> dict[str, Any]:
    """What the form of a new or of this resident begins with."""
    here = site.country or country_of_zone(site.time_zone)
    if resident is None:
        return {"country": here, "language": site.language}
    user = resident.user
    number = phonenumbers.parse(user.phone) if user.phone else None
    region = phonenumbers.region_code_for_number(number) if number else None
    style = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return {
        "name": user.name,
        "email": user.email,
        "country": region or here,
        "phone": phonenumbers.format_number(number, style) if number else "",
        "language": user.language,
        "version": user.version,
    }
