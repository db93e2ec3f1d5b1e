"""The New form of a house in three steps: House, Options, Review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from portico.kernel.errors import DomainError
from portico.portals.installer.forms.site import OptionsForm, SiteForm
from portico.portals.shared import forms
from portico.sites.rules import check_plan
from portico.sites.services.registration import HouseData, home_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.forms import BoundField, Form
    from django.http import QueryDict

    from portico.accounts.models import User


STEPS = {"house": _("House"), "options": _("Options"), "review": _("Review")}


def entered(form: Form, chosen: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a valid form holds, in words: label and value of every visible field.

    ``chosen`` is what stands for a field that was left empty.
    """
    return [
        (str(bound.label), _word(bound) or chosen.get(bound.name, "—"))
        for bound in form
        if not bound.is_hidden
    ]


def _word(bound: BoundField) -> str:
    value = bound.form.cleaned_data[bound.name]
    if isinstance(value, bool):
        return str(_("Yes") if value else _("No"))
    choices = dict(getattr(bound.field, "choices", ()))
    named = {str(key): str(label) for key, label in choices.items()}
    values = value if isinstance(value, list) else [value]
    return ", ".join(named.get(str(one), str(one)) for one in values if one)


class HouseDraft:
    """A house being entered. Every step's form carries what the others hold.

    The button ``to`` says where to go: to a step, or ``submit``. One goes on only when
    the steps before are in order; back one may go always.
    """

    steps = STEPS

    def __init__(
        self, data: QueryDict | None, *, actor: User, company_zone: str, portal: str
    ) -> None:
        wanted = data.get("to", "submit") if data is not None else "house"
        # Until the second step was seen there is nothing of it in the request.
        self.knows_options = data is not None and "options" in data
        entered = data if self.knows_options else None
        if entered is None and wanted == "submit":
            entered = {}  # type: ignore[assignment]  # submitted in the first step
        self._company_zone = company_zone
        self.house = SiteForm(data, company_zone=company_zone)
        self.options = OptionsForm(entered, portal=portal)
        if self.house.is_valid():
            self.house.offer_link(actor)
        self.step = self._reached(wanted)
        self.is_complete = wanted == "submit" and self.step == "review"

    def _reached(self, wanted: str) -> str:
        if wanted == "house":
            return self._unblamed("house")
        if not self.house.is_valid():
            return "house"
        self.house.check_with_others()
        if self.house.errors:
            return "house"
        if wanted == "options" or not self.options.is_bound:
            return self._unblamed("options")
        if not self._options_fit():
            return "options"
        return "review"

    def _unblamed(self, step: str) -> str:
        """Nothing is said yet about what is not finished."""
        form = self.house if step == "house" else self.options
        form.errors.clear()
        return step

    def _options_fit(self) -> bool:
        if not self.options.is_valid():
            return False
        try:
            check_plan(
                premium=self.house.cleaned_data["premium_plan"],
                video=self.options.cleaned_data["video_storage"],
            )
        except DomainError as error:
            forms.blame(self.options, error)
        return not self.options.errors

    @property
    def summary(self) -> list[tuple[str, str]]:
        """Labels and values of the first step, for the review."""
        data = self.house.cleaned_data
        chosen = {"room_name": home_of(data["name"]), "time_zone": self._company_zone}
        return entered(self.house, chosen)

    @property
    def options_summary(self) -> list[tuple[str, str]]:
        """Labels and values of the second step."""
        return entered(self.options, {})

    def house_data(self) -> HouseData:
        """What the service takes; only when complete."""
        return self.house.house_data(self.options)

    def blame(self, error: DomainError) -> None:
        """Show what the service refused, in the step that it belongs to."""
        is_option = error.field in self.options.fields
        forms.blame(self.options if is_option else self.house, error)
        self.step = "options" if is_option else "house"
        self.is_complete = False
