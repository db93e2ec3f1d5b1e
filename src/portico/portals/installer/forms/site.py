from __future__ import annotations

from typing import TYPE_CHECKING, Any

import phonenumbers
from django import forms
from django.utils.translation import gettext_lazy as _

from portico.accounts.enums import TimeFormat
from portico.kernel.errors import DomainError
from portico.portals.installer.forms.resident import ContactForm, initial_of
from portico.portals.shared.choices import country_of_zone
from portico.portals.shared.forms import StyledForm, VersionField, ZoneField, blame
from portico.sites.enums import CallMode, ClipDays, VideoStart
from portico.sites.services.registration import (
    HouseData,
    check_free,
    check_house,
    contact_of,
)
from portico.sites.services.video import VideoData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.utils.functional import _StrPromise as StrPromise

    from portico.sites.links import Links
    from portico.sites.models import Resident, Site, VideoPlan

_LANDLINES = ("landline_1", "landline_2", "landline_3")
# More door phones than any house has.
_MOST_DEVICES = 20


def _landline(label: StrPromise) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=31,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )


class SiteForm(ContactForm):
    """A single-family site with its family master, in the guide's order (SITE-1).

    ``site`` and ``master`` are those that there are; without them it is the New form.
    ``links`` are the other houses of the master.
    """

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
    landline_1 = _landline(_("Landline 1"))
    landline_2 = _landline(_("Landline 2"))
    landline_3 = _landline(_("Landline 3"))
    premium_plan = forms.BooleanField(
        label=_("Premium Plan"),
        required=False,
        help_text=_(
            "Carries the landline service, third-party cameras, dynamic QR codes and"
            " video storage."
        ),
    )
    landline_service = forms.BooleanField(
        label=_("Landline Service"),
        required=False,
        help_text=_("Calls from the door go to the landlines, too."),
    )
    with_indoor_monitor = forms.BooleanField(
        label=_("With Indoor Monitor"), required=False
    )
    # The ones that were shown; a new house has none.
    version = VersionField()
    master_version = VersionField()

    def __init__(
        self,
        *args: Any,
        company_zone: str = "",
        site: Site | None = None,
        master: Resident | None = None,
        links: Links | None = None,
        **kwargs: Any,
    ) -> None:
        if site is not None and master is not None:
            kwargs["initial"] = _initial(site, master, is_linked=bool(links))
        else:
            kwargs.setdefault("initial", {"country": country_of_zone(company_zone)})
        super().__init__(*args, **kwargs)
        codes = ["dial-code", *(f"dial-code-{number}" for number in (1, 2, 3))]
        self.fields["country"].widget.attrs["data-dial-code-for"] = " ".join(codes)
        self.fields["time_zone"].widget.attrs["placeholder"] = company_zone
        self.fields["language"].help_text = _(
            "The language of the mails to this house."
        )
        if links:
            self.lock_contact(links)
            self.fields["name"].help_text = _(
                "Of the house. The name of the account is changed under People."
            )

    def check_with_others(self) -> None:
        """Blame the fields for what the service would refuse; only after ``is_valid``."""
        data = self.cleaned_data
        try:
            if self.link_to is None:
                check_free(contact_of(self.person()))
            check_house(
                country=data["country"],
                landlines=self._landlines(),
                premium=data["premium_plan"],
                landline_service=data["landline_service"],
            )
        except DomainError as error:
            blame(self, error)

    def _landlines(self) -> tuple[str, str, str]:
        first, second, third = (self.cleaned_data[name] for name in _LANDLINES)
        return first, second, third

    def house_data(self, options: OptionsForm) -> HouseData:
        """The two cleaned forms as the services take them."""
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
            link_to=self.link_to,
            landlines=self._landlines(),
            premium_plan=data["premium_plan"],
            landline_service=data["landline_service"],
            with_indoor_monitor=data["with_indoor_monitor"],
            video=options.video_data(),
            smart_home=options.cleaned_data["smart_home"],
            smart_home_url=options.cleaned_data["smart_home_url"],
        )


class OptionsForm(StyledForm):
    """The guide's second step: Video Storage and Smart Home (SITE-3, SITE-4).

    ``devices`` are those of the house that have a camera, as choices; a new house has
    none yet.
    """

    video_storage = forms.BooleanField(
        label=_("Video Storage"),
        required=False,
        help_text=_(
            "Records 10 seconds when a door opens, at calls and at motion. It is part of"
            " the Premium Plan."
        ),
    )
    video_plan = forms.ChoiceField(
        label=_("Video Storage Plan"),
        choices=VideoStart.choices,
        initial=VideoStart.TRIAL,
        required=False,
        widget=forms.RadioSelect,
    )
    video_days = forms.TypedChoiceField(
        label=_("Video Storage Time"),
        choices=ClipDays.choices,
        initial=ClipDays.DAYS_30,
        coerce=int,
        empty_value=str(ClipDays.DAYS_30.value),
        required=False,
        help_text=_("In the free trial 30 days."),
    )
    video_device_count = forms.IntegerField(
        label=_("Number of Stored Devices"),
        min_value=1,
        max_value=_MOST_DEVICES,
        initial=1,
        required=False,
    )
    video_devices = forms.MultipleChoiceField(
        label=_("Device(s) for Video Storage"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    video_audio = forms.BooleanField(
        label=_("Video Recording with Audio During Calls"),
        required=False,
        help_text=_("Ask the residents first: in many places the law wants that."),
    )
    smart_home = forms.BooleanField(
        label=_("Smart Home"),
        required=False,
        help_text=_("Once on, it cannot be switched off again."),
    )
    smart_home_url = forms.URLField(
        label=_("Home automation address"),
        max_length=255,
        required=False,
        assume_scheme="https",
        help_text=_("The web address of the house's own Home Assistant or portal."),
    )

    def __init__(
        self,
        *args: Any,
        devices: Sequence[tuple[str, str]] = (),
        portal: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._portal = portal
        field = self.fields["video_devices"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 -- declared so
        field.choices = list(devices)
        if portal:
            self.fields["smart_home_url"].help_text = _(
                "Left empty: the portal of this installation, %(portal)s."
            ) % {"portal": portal}

    def clean(self) -> dict[str, Any]:
        """Not more devices than are paid for, and somewhere for the icon to lead."""
        data: dict[str, Any] = super().clean() or {}
        chosen = len(data.get("video_devices") or ())
        if data.get("video_storage") and chosen > (data.get("video_device_count") or 1):
            self.add_error(
                "video_devices",
                _("These are more devices than the Number of Stored Devices."),
            )
        if (
            data.get("smart_home")
            and "smart_home_url" not in self.errors
            and not (data.get("smart_home_url") or self._portal)
        ):
            self.add_error(
                "smart_home_url", _("Enter the address that the icon leads to.")
            )
        return data

    def video_data(self) -> VideoData | None:
        """What was chosen; None: no Video Storage."""
        data = self.cleaned_data
        if not data["video_storage"]:
            return None
        return VideoData(
            start=VideoStart(data["video_plan"] or VideoStart.TRIAL),
            days=ClipDays(int(data["video_days"])),
            device_count=data["video_device_count"] or 1,
            call_audio=data["video_audio"],
        )

    def device_ids(self) -> list[int]:
        """The devices that record."""
        return [int(value) for value in self.cleaned_data["video_devices"]]


def _initial(site: Site, master: Resident, *, is_linked: bool) -> dict[str, Any]:
    """``is_linked``: what the master has in all of his houses is not this one's."""
    style = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    fields = set(SiteForm.base_fields) & {field.name for field in site._meta.fields}  # noqa: SLF001 -- Django's documented API
    found = {name: getattr(site, name) for name in fields}
    found |= {
        name: phonenumbers.format_number(phonenumbers.parse(found[name]), style)
        for name in _LANDLINES
        if found[name]
    }
    person = initial_of(site, master)
    shared = ("name", "country", "language") if not is_linked else ()
    of_person = {key: person[key] for key in ("email", "phone", *shared)}
    return found | of_person | {"master_version": person["version"]}


def initial_options(
    site: Site, plan: VideoPlan | None, recording: Sequence[int]
) -> dict[str, Any]:
    """What the options of a house begin with; ``recording`` are ids of its devices."""
    found: dict[str, Any] = {
        "smart_home": site.smart_home,
        "smart_home_url": site.smart_home_url,
        "video_storage": plan is not None,
        "video_devices": [str(pk) for pk in recording],
    }
    if plan is not None:
        found |= {
            "video_plan": plan.start,
            "video_days": plan.days,
            "video_device_count": plan.device_count,
            "video_audio": plan.call_audio,
        }
    return found
