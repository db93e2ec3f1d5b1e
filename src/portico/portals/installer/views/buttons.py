"""The push buttons of expansion modules (DEV-8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portico.devices.enums import MODULE_KEYS, ButtonTarget, PushModule
from portico.devices.selectors import buttons_of
from portico.devices.services.push_buttons import (
    MOST_NUMBERS,
    ButtonData,
    set_buttons,
)
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.device_page import device_context
from portico.portals.shared.forms import StyledForm, blame, dress
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import whole_number
from portico.sites.selectors import people_of

if TYPE_CHECKING:
    from django.forms.boundfield import BoundField

    from portico.devices.models import Device

_NOBODY = ("", gettext_lazy("Nobody"))
_PERSON = "person-"


class ButtonsForm(StyledForm):
    """All keys of one module; a person is a target of his own."""

    def __init__(
        self,
        *args: Any,
        module: PushModule,
        people: list[tuple[str, str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._keys = range(1, MODULE_KEYS[module] + 1)
        house, number = ButtonTarget.HOUSE, ButtonTarget.NUMBER
        targets = [_NOBODY, (house, house.label), *people, (number, number.label)]
        for key in self._keys:
            self.fields[f"label_{key}"] = forms.CharField(
                label=gettext_lazy("Label"), max_length=63, required=False
            )
            self.fields[f"target_{key}"] = forms.ChoiceField(
                label=gettext_lazy("Calls"), choices=targets, required=False
            )
            self.fields[f"numbers_{key}"] = forms.CharField(
                label=gettext_lazy("Numbers"), max_length=300, required=False
            )
        dress(self)

    def keys(self) -> Iterator[tuple[int, BoundField, BoundField, BoundField]]:
        """Key number, label, whom it calls, numbers."""
        for key in self._keys:
            fields = (self[f"{name}_{key}"] for name in ("label", "target", "numbers"))
            yield key, *fields  # type: ignore[misc]  # three of them

    def buttons(self) -> list[ButtonData]:
        """The cleaned form as the service takes it."""
        data, found = self.cleaned_data, []
        for key in self._keys:
            target = data[f"target_{key}"]
            if not target:
                continue
            is_person = target.startswith(_PERSON)
            found.append(
                ButtonData(
                    key=key,
                    label=data[f"label_{key}"],
                    target=ButtonTarget.MEMBER if is_person else ButtonTarget(target),
                    resident_id=whole_number(target.removeprefix(_PERSON)),
                    numbers=data[f"numbers_{key}"].replace(",", ";").split(";"),
                )
            )
        return found


def _initial(device: Device, module: PushModule) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for button in buttons_of(device).filter(module=module):
        is_member = button.target == ButtonTarget.MEMBER
        target = f"{_PERSON}{button.resident_id}" if is_member else button.target
        values[f"label_{button.key}"] = button.label
        values[f"target_{button.key}"] = target
        values[f"numbers_{button.key}"] = "; ".join(button.numbers)
    return values


@installer_only
def device_buttons(request: StaffRequest, mac: str, module: str) -> HttpResponse:
    context = device_context(request, mac, "settings")
    device, model = context["device"], context["model"]
    if model is None or module not in model.push_modules:
        raise NotVisible
    chosen = PushModule(module)
    people = [
        (f"{_PERSON}{person.pk}", str(person.user.name or person.user))
        for person in people_of(device.site)
    ]
    form = ButtonsForm(
        request.POST or None,
        initial=_initial(device, chosen),
        module=chosen,
        people=people,
    )
    if request.method == "POST" and form.is_valid():
        try:
            is_changed = set_buttons(
                actor=request.user,
                device=device,
                module=chosen,
                buttons=form.buttons(),
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            saved = _("Saved. The device gets it with its next configuration.")
            messages.success(request, saved if is_changed else _("Nothing is new."))
            return redirect("installer:device_settings", mac)
    context |= {"form": form, "module": chosen, "most": MOST_NUMBERS}
    return render(request, "installer/device/buttons.html", context)
