"""Choosing devices in a form: one by one, all that a search finds, or a saved filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from portico.devices.selectors import (
    model_counts,
    search_devices,
    visible_devices,
    visible_filters,
)
from portico.kernel.clock import utcnow
from portico.portals.installer.device_search import find_saved, saved_filter
from portico.portals.shared.forms import StyledForm
from portico.portals.shared.lists import SEARCH_CHARS, plain, read_uuid, whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django_stubs_ext import StrOrPromise

    from portico.accounts.models import User
    from portico.devices.models import Device

# Chosen one by one; more go by a search or a filter.
MOST_CHOSEN: Final = 500
# What is shown of a search; who finds more searches on, or chooses all that are found.
FOUND: Final = 20
CHOSEN, ALL, SAVED, GIVEN = "chosen", "all", "saved", "given"
_TARGETS = (
    (CHOSEN, _("Chosen devices")),
    (ALL, _("All that the search finds, in waves")),
    (SAVED, _("All that a saved filter finds, in waves")),
)
# More devices than any company has.
_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Given:
    """Devices that the page was opened for, such as those that failed before."""

    label: StrOrPromise
    ids: Sequence[int]


class TargetForm(StyledForm):
    """To which devices."""

    target = forms.ChoiceField(
        label=_("Devices"), choices=_TARGETS, widget=forms.RadioSelect
    )
    devices = forms.MultipleChoiceField(
        label=_("Devices"), required=False, widget=forms.CheckboxSelectMultiple
    )
    saved = forms.ChoiceField(label=_("Saved filter"), required=False)

    def __init__(self, *args: Any, choosing: Choosing, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choosing = choosing
        for name, offered in (
            ("devices", choosing.choices),
            ("saved", choosing.filters),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 -- declared so
            field.choices = offered
        if choosing.given is not None:
            target = self.fields["target"]
            assert isinstance(target, forms.ChoiceField)  # noqa: S101 -- declared so
            target.choices = [(GIVEN, choosing.given.label), *_TARGETS]

    def need(self, *names: str) -> None:
        """These are to be filled in after all."""
        for name in names:
            if not self.cleaned_data.get(name) and name not in self.errors:
                self.add_error(name, self.fields[name].error_messages["required"])

    def clean(self) -> dict[str, Any]:
        """Who chooses a filter says which; what is to find devices finds some."""
        data: dict[str, Any] = super().clean() or {}
        target = data.get("target")
        if target == SAVED:
            self.need("saved")
        is_wide = target == ALL or (target == SAVED and "saved" not in self.errors)
        if is_wide and not self._choosing.targets(data).exists():
            text = _("It finds no device now.")
            self.add_error("saved" if target == SAVED else None, text)
        return data


class Choosing:
    """What was searched for and chosen so far; ``devices``: those that may be."""

    def __init__(
        self,
        data: QueryDict | None,
        *,
        actor: User,
        devices: QuerySet[Device] | None = None,
        site: str = "",
        text: str = "",
        saved: str = "",
        chosen: Sequence[int] = (),
        given: Given | None = None,
    ) -> None:
        self._actor, self._beginning, self.given = actor, chosen, given
        self._all = visible_devices(actor) if devices is None else devices
        self._data = data
        self.saved = data.get("saved", "") if data else saved
        self.find = plain(data.get("find", "") if data else text, SEARCH_CHARS)
        self.site = plain(data.get("site", "") if data else site, 36)

    def chosen(self) -> list[str]:
        """What is ticked; with "all_found" also up to 500 of what is found."""
        beginning = [str(pk) for pk in self._beginning]
        chosen = self._data.getlist("devices") if self._data else beginning
        if self._data and self._data.get("act") == "all_found":
            found = self.found().values_list("pk", flat=True)[: MOST_CHOSEN + 1]
            chosen = [*dict.fromkeys([*chosen, *map(str, found)])]
        return chosen[: MOST_CHOSEN + 1]

    def found(self) -> QuerySet[Device]:
        """The devices that the search finds, of one site where it began at one."""
        site = read_uuid(self.site)
        devices = self._all.filter(site=site) if site else self._all
        return search_devices(devices, text=self.find)

    @property
    def found_count(self) -> int:
        return sum(self.found_models.values())

    @cached_property
    def mine(self) -> Sequence[Device]:
        """Those of the chosen that may be."""
        ids = [pk for one in self.chosen() if (pk := whole_number(one)) is not None]
        return list(self._all.filter(pk__in=ids).order_by("name", "pk"))

    @property
    def chosen_count(self) -> int:
        return len(self.mine)

    @cached_property
    def choices(self) -> list[tuple[str, str]]:
        """The chosen, and the first of the found."""
        rows = {one.pk: one for one in [*self.mine, *self.found()[:FOUND]]}
        return [(str(pk), _label(device)) for pk, device in rows.items()]

    @cached_property
    def filters(self) -> list[tuple[str, str]]:
        """The company's saved filters."""
        return [(str(one.pk), one.name) for one in visible_filters(self._actor)]

    def filtered(self, number: str) -> QuerySet[Device]:
        """The devices that a saved filter finds now."""
        saved = saved_filter(self._actor, number)
        if saved is None:
            return self._all.none()
        found = find_saved(self._actor, saved, utcnow())
        return self._all.filter(pk__in=found.order_by().values("pk"))

    @property
    def filtered_models(self) -> dict[str, int]:
        """By model what the filter finds that is chosen, or stands there first."""
        number = self.saved or (self.filters[0][0] if self.filters else "")
        return model_counts(self.filtered(number))

    @cached_property
    def found_models(self) -> dict[str, int]:
        return model_counts(self.found())

    def targets(self, data: dict[str, Any]) -> QuerySet[Device]:
        """The devices that a valid :class:`TargetForm` is for."""
        if data["target"] == ALL:
            return self.found()
        if data["target"] == SAVED:
            return self.filtered(data["saved"]).order_by("name", "pk")
        ids = data["devices"]
        if data["target"] == GIVEN:
            ids = self.given.ids if self.given else ()
        return self._all.filter(pk__in=ids).order_by("name", "pk")

    def ids(self, data: dict[str, Any]) -> list[int]:
        """Their keys. Chosen ones as they are: what is not the actor's is refused."""
        if data["target"] == CHOSEN:
            return [int(pk) for pk in data["devices"]]
        if data["target"] == GIVEN and self.given:
            return [*self.given.ids]
        return list(self.targets(data).values_list("pk", flat=True)[:_MOST])


def _label(device: Device) -> str:
    parts = (device.name, device.site.room_name, device.model, device.pretty_mac)
    return " · ".join(part for part in parts if part)
