from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portico.accounts.enums import TimeFormat
from portico.portals.shared.choices import (
    MAIL_LANGUAGES,
    country_choices,
    country_of_zone,
    dial_code,
)
from portico.portals.shared.forms import StyledForm, ZoneField
from portico.sites.enums import CallMode
from portico.sites.services.registration import HouseData


class CountrySelect(forms.Select):
    """A select whose options carry their dial code, for the mobile number's prefix."""

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """One option, with its dial code as data."""
        option: dict[str, Any] = super().create_option(*args, **kwargs)
        option["attrs"]["data-dial-code"] = dial_code(str(option["value"]))
        return option


class SiteForm(StyledForm):
    """The New form of a single-family site, in the guide's order (SITE-1)."""

    name = forms.CharField(label=_("Name"), max_length=127)
    room_name = forms.CharField(
        label=_("Room Name"),
        max_length=127,
        required=False,
        help_text=_("What the house is called. Left empty: <name>'s home."),
    )
    email = forms.EmailField(
        label=_("Email"),
        required=False,
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
    address = forms.CharField(
        label=_("Address"),
        max_length=255,
        required=False,
        help_text=_("Street, number, place. Indoor monitors show the weather there."),
    )
    call_mode = forms.ChoiceField(
        label=_("SIP Call Or IP Call"),
        choices=[(CallMode.SIP, CallMode.SIP.label), (CallMode.IP, CallMode.IP.label)],
        initial=CallMode.SIP,
        widget=forms.RadioSelect,
        help_text=_("Different places: SIP call. The same place: IP call."),
    )
    time_zone = ZoneField(
        required=False, help_text=_("Left empty: your company's time zone.")
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=MAIL_LANGUAGES,
        initial="en",
        help_text=_("The language of the mails to this house."),
    )
    time_format = forms.ChoiceField(
        label=_("Time Format"), choices=TimeFormat.choices, initial=TimeFormat.HOURS_24
    )
    with_indoor_monitor = forms.BooleanField(
        label=_("With Indoor Monitor"), required=False
    )

    def __init__(self, *args: Any, company_zone: str = "", **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"country": country_of_zone(company_zone)})
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].widget.attrs["placeholder"] = company_zone

    @property
    def chosen_dial_code(self) -> str:
        """What stands before the mobile number."""
        return dial_code(str(self["country"].value() or "")) or "+"

    def data_for_service(self) -> HouseData:
        """The cleaned form as the service takes it."""
        data = self.cleaned_data
        return HouseData(
            name=data["name"],
            room_name=data["room_name"],
            email=data["email"],
            country=data["country"],
            phone=data["phone"],
            address=data["address"],
            call_mode=CallMode(data["call_mode"]),
            time_zone=data["time_zone"],
            language=data["language"],
            time_format=TimeFormat(data["time_format"]),
            with_indoor_monitor=data["with_indoor_monitor"],
        )
