"""The form of a device: its own fields, its relays, and what the MAC library says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portico.devices.boards import MonitorData
from portico.devices.catalogue import DeviceModel, all_models
from portico.devices.enums import DeviceKind, RelayKind
from portico.devices.selectors import look_up_mac
from portico.devices.services.registration import DeviceData
from portico.kernel.errors import DomainError
from portico.portals.installer.forms.board import MonitorForm, initial_monitor
from portico.portals.installer.forms.monitoring import (
    YES_NO,
    MonitoringForm,
    initial_monitoring,
)
from portico.portals.installer.forms.relay import RelaySet, new_row, rows_from
from portico.portals.shared.forms import VersionField, blame

if TYPE_CHECKING:
    from portico.accounts.models import User
    from portico.devices.models import Device


def mac_field() -> forms.CharField:
    """A MAC as a person reads it from a label."""
    return forms.CharField(
        label=_("MAC"),
        max_length=31,
        help_text=_("From the label, for example 0C:11:05:12:34:56."),
        widget=forms.TextInput(
            attrs={
                "data-mac": True,
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
            }
        ),
    )


class DeviceForm(MonitoringForm):
    """DEV-2 and DEV-3, without the relays."""

    version = VersionField()
    kind = forms.ChoiceField(label=_("Device Type"), choices=DeviceKind.choices)
    mac = mac_field()
    name = forms.CharField(
        label=_("Device Name"),
        max_length=63,
        help_text=_("What the residents call it, for example Front door."),
    )
    has_internet = forms.ChoiceField(
        label=_("Does the device have internet access?"),
        choices=YES_NO,
        initial="yes",
        required=False,
        widget=forms.RadioSelect,
    )
    ip_address = forms.CharField(
        label=_("IP Address"),
        max_length=15,
        required=False,
        help_text=_(
            "Its fixed address on site. Without internet its calls go through the"
            " bridge or an indoor monitor."
        ),
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


class DeviceDraft:
    """A device being added (``device`` is None) or changed.

    Besides saving, the form can be sent with ``act``: add or remove a relay, or look the
    MAC up. It is then drawn again with what was typed, unchecked. ``mac`` is where an
    empty form begins.
    """

    def __init__(
        self,
        data: QueryDict | None,
        *,
        actor: User,
        device: Device | None = None,
        mac: str = "",
    ) -> None:
        self.device = device
        self.act = data.get("act", "") if data else ""
        self._mac = data.get("mac", "") if data else mac
        self.finding = None if device else look_up_mac(actor, self._mac)
        values, rows = self._drawn(data)
        bound = data if data and not self.act else None
        self.form = DeviceForm(bound, initial=values)
        if device is not None:
            del self.form.fields["mac"]
        self.monitor = MonitorForm(bound, initial=values) if self.is_monitor else None
        self.relays = RelaySet(rows, model=self.model, data=bound)
        if self.act.startswith("add_") and self.relays.forms:
            # Who works by keyboard goes on where something has just appeared.
            self.relays.forms[-1].fields["name"].widget.attrs["autofocus"] = True

    @property
    def has_removed(self) -> bool:
        """Whether a relay, and with it the button that had the focus, has just gone."""
        return self.act.startswith("remove-")

    @property
    def model(self) -> DeviceModel | None:
        """The unit's model, as far as anything tells."""
        if self.device is not None:
            return all_models().get(self.device.model)
        return self.finding.model if self.finding else None

    @property
    def kind(self) -> DeviceKind:
        """The chosen type; the library's, once the MAC has told it."""
        kind = str(self.form["kind"].value() or "")
        known = kind in DeviceKind.values
        return DeviceKind(kind) if known else DeviceKind.DOOR_PHONE

    @property
    def is_monitor(self) -> bool:
        return self.kind == DeviceKind.INDOOR_MONITOR

    def _drawn(self, data: QueryDict | None) -> tuple[dict[str, Any], list[Any]]:
        if not data:
            return self._beginning()
        values: dict[str, Any] = data.dict() | {"terminals": data.getlist("terminals")}
        if self.act and self.model:
            values["kind"] = str(self.model.kind)
        rows = rows_from(data)
        wanted = {
            "add_relay": RelayKind.LOCAL,
            "add_security_relay": RelayKind.SECURITY,
        }
        if self.act in wanted:
            row = new_row(rows, wanted[self.act], self.model)
            rows += [row] if row else []
        elif self.act.startswith("remove-"):
            index = self.act.removeprefix("remove-")
            rows = [row for at, row in enumerate(rows) if str(at) != index]
        elif self.act == "look" and values.get("kind") == DeviceKind.INDOOR_MONITOR:
            rows = []
        elif self.act == "look" and not rows:
            rows = self._first_relay()
        return values, rows

    def _first_relay(self) -> list[Any]:
        row = new_row([], RelayKind.LOCAL, self.model)
        return [row] if row else []

    def _beginning(self) -> tuple[dict[str, Any], list[Any]]:
        device = self.device
        if device is None:
            kind = self.model.kind if self.model else DeviceKind.DOOR_PHONE
            is_monitor = kind == DeviceKind.INDOOR_MONITOR
            rows = [] if is_monitor else self._first_relay()
            return {"kind": kind.value, "mac": self._mac}, rows
        values = {
            "version": device.version,
            "kind": device.kind,
            "name": device.name,
            **initial_monitoring(device),
            "has_internet": "yes" if device.has_internet else "no",
            "ip_address": device.ip_address or "",
            **initial_monitor(device),
        }
        names = (
            "kind",
            "number",
            "name",
            "dtmf_code",
            "hold_seconds",
            "access_methods",
        )
        rows = [
            {name: getattr(relay, name) for name in names}
            for relay in device.relays.all()
        ]
        return values, rows

    def is_valid(self) -> bool:
        """Whether the whole form may be handed to the service."""
        if not self.form.is_bound:
            return False
        parts = [self.form, self.relays, *([self.monitor] if self.monitor else ())]
        # Every part is looked at, so that all errors show at once.
        verdicts = [part.is_valid() for part in parts]
        return all(verdicts)

    @property
    def has_errors(self) -> bool:
        """Whether anything is marked."""
        parts = [
            self.form,
            *self.relays.forms,
            *([self.monitor] if self.monitor else ()),
        ]
        return any(part.errors for part in parts)

    def blame(self, error: DomainError) -> None:
        """Show what the domain refused where it belongs."""
        is_boards = self.monitor is not None and error.field in self.monitor.fields
        blame(self.monitor if is_boards and self.monitor else self.form, error)

    @property
    def version(self) -> int:
        """The one that the cleaned form was drawn from."""
        return int(self.form.cleaned_data["version"])

    def device_data(self) -> DeviceData:
        """The cleaned form as the service takes it."""
        data = self.form.cleaned_data
        kind = DeviceKind(data["kind"])
        is_door = kind != DeviceKind.INDOOR_MONITOR
        nowhere = {"monitor_in_app": False, "monitor_on_monitors": False}
        return DeviceData(
            kind=kind,
            name=data["name"],
            **(self.form.watched_on() if is_door else nowhere),
            has_internet=data["has_internet"] != "no",
            ip_address=data["ip_address"],
            relays=self.relays.relays,
            monitor=self.monitor.monitor_data() if self.monitor else MonitorData(),
        )
