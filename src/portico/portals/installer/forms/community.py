from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portico.accounts.enums import TimeFormat
from portico.portals.shared.choices import (
    MAIL_LANGUAGES,
    country_choices,
    country_of_zone,
)
from portico.portals.shared.forms import StyledForm, VersionField, ZoneField
from portico.sites.services.communities import CommunityData

if TYPE_CHECKING:
    from portico.sites.models import Site


class CommunityForm(StyledForm):
    """A community: an estate with several dwellings."""

    name = forms.CharField(label=_("Name"), max_length=127)
    country = forms.ChoiceField(
        label=_("Country/Region"), choices=country_choices, required=False
    )
    address = forms.CharField(
        label=_("Address"),
        max_length=255,
        required=False,
        help_text=_("Street, number, place."),
    )
    time_zone = ZoneField(
        required=False, help_text=_("Left empty: your company's time zone.")
    )
    time_format = forms.ChoiceField(
        label=_("Time Format"), choices=TimeFormat.choices, initial=TimeFormat.HOURS_24
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=MAIL_LANGUAGES,
        initial="en",
        help_text=_("Of the units, where the model's number for it is known."),
    )

    # The one that was shown; a new community has none.
    version = VersionField()

    def __init__(
        self, *args: Any, company_zone: str, site: Site | None = None, **kwargs: Any
    ) -> None:
        initial: dict[str, Any] = {"country": country_of_zone(company_zone)}
        if site is not None:
            initial = {name: getattr(site, name) for name in self.base_fields}
        super().__init__(*args, initial=initial, **kwargs)
        self.fields["time_zone"].widget.attrs["placeholder"] = company_zone

    def community_data(self) -> CommunityData:
        """The cleaned form as the service takes it."""
        data = self.cleaned_data
        return CommunityData(
            name=data["name"],
            country=data["country"],
            address=data["address"],
            time_zone=data["time_zone"],
            language=data["language"],
            time_format=TimeFormat(data["time_format"]),
        )
