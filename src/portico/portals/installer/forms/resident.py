"""Somebody who lives in a house: the master within his house's form, and members."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import phonenumbers
from django import forms
from django.utils.translation import gettext_lazy as _

from portico.accounts.enums import TimeFormat
from portico.kernel.errors import DomainError
from portico.portals.shared.choices import (
    MAIL_LANGUAGES,
    country_choices,
    country_of_zone,
    dial_code,
)
from portico.portals.shared.forms import StyledForm, VersionField
from portico.sites.links import Links, link_offer
from portico.sites.services.registration import PersonData, contact_of

if TYPE_CHECKING:
    from portico.accounts.models import User
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

    # The account that was chosen to be linked to.
    link_to: int | None = None

    def offer_link(self, actor: User, site: Site | None = None) -> None:
        """Ask whether to link ``site`` to the account that has what was entered.

        Only after ``is_valid``. The box is about one account: ticked for another it is not.
        """
        try:
            contact = contact_of(self.person())
        except DomainError:
            return  # said when it is saved
        offer = link_offer(actor, contact, site)
        if offer is None:
            return
        pk, text = str(offer.user.pk), _("Link this site to that account")
        self.fields["linked"] = forms.MultipleChoiceField(
            label=offer.words,
            choices=[(pk, text)],
            required=False,
            help_text=_(
                "It keeps its name, email, mobile number and password, and the app shows"
                " all its houses."
            ),
            widget=forms.CheckboxSelectMultiple(attrs={"class": "group"}),
        )
        chosen = self["linked"].data or []
        self.link_to = offer.user.pk if pk in chosen else None
        self.cleaned_data["linked"] = [pk] if self.link_to else []

    def lock_contact(self, links: Links) -> None:
        """Show contact and country, but for reading: the account has linked sites."""
        if links:
            for name in ("email", "country", "phone"):
                self.fields[name].disabled = True
                self.fields[name].help_text = links.reason

    def person(self) -> PersonData:
        """Who was entered; only after ``is_valid``."""
        names = ("name", "email", "country", "phone", "language")
        return PersonData(**{name: self.cleaned_data[name] for name in names})

    @property
    def chosen_dial_code(self) -> str:
        """What stands before numbers of the chosen country."""
        return dial_code(str(self["country"].value() or "")) or "+"

    @property
    def phone_dial_code(self) -> str:
        """What stands before the mobile number; one that is locked keeps its own."""
        number = self["phone"].value()
        if self.fields["phone"].disabled and number:
            return f"+{phonenumbers.parse(number).country_code}"
        return self.chosen_dial_code


class ResidentForm(ContactForm):
    """The master or a family member of a house that there is."""

    # The one that was shown; a new account has none.
    version = VersionField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].help_text = _("Of the mails.")

    def person_data(self, site: Site) -> PersonData:
        """The cleaned form as the services take it."""
        time_format = TimeFormat(site.time_format)
        return replace(self.person(), time_format=time_format, link_to=self.link_to)


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
