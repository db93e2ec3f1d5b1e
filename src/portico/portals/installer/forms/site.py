from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portico.accounts.enums import TimeFormat
from portico.portals.installer.forms.resident import ContactForm
from portico.portals.shared.choices import country_of_zone
from portico.portals.shared.forms import ZoneField
from portico.sites.enums import CallMode
from portico.sites.services.registration import HouseData


class SiteForm(ContactForm):
    """The New form of a single-family site, in the guide's order (SITE-1)."""

    room_name = forms.CharField(
        label=_("Room Name"),
        max_length=127,
        required=False,
        help_text=_("What the house is called. Left empty: <name>'s home."),
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
        self.fields["language"].help_text = _(
            "The language of the mails to this house."
        )

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
