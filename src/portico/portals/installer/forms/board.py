"""The part of a device's form that only indoor monitors have (DEV-4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portico.devices.boards import (
    BOARD_RELAYS,
    PORTS,
    BoardData,
    BoardRelayData,
    MonitorData,
)
from portico.devices.enums import (
    ExternalRelayMode,
    ExternalRelayType,
    RelayFunction,
)
from portico.portals.shared.forms import StyledForm, dress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.forms.boundfield import BoundField

    from portico.devices.models import Device

_NONE = ("", _("None"))
_MOST = max(BOARD_RELAYS.values())


class MonitorForm(StyledForm):
    """Arming, and the board of relays that the monitor drives."""

    can_arm = forms.BooleanField(
        label=_("Arming Function"),
        required=False,
        help_text=_(
            "Shows the arming icon in the residents' app: Disarm, Home, Night, Away."
        ),
    )
    board_type = forms.ChoiceField(
        label=_("External Relay Type"),
        choices=[_NONE, *ExternalRelayType.choices],
        required=False,
        help_text=_("The board is set up on the monitor itself."),
    )
    board_mode = forms.ChoiceField(
        label=_("External Relay Mode"),
        choices=ExternalRelayMode.choices,
        initial=ExternalRelayMode.RS485,
        required=False,
        widget=forms.RadioSelect,
    )
    board_address = forms.CharField(
        label=_("IP Address"),
        max_length=15,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    board_port = forms.IntegerField(
        label=_("Port"),
        min_value=PORTS.start,
        max_value=PORTS.stop - 1,
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number in range(1, _MOST + 1):
            name = forms.CharField(label=_("Relay Name"), max_length=63, required=False)
            function = forms.ChoiceField(
                label=_("Relay Function"), choices=RelayFunction.choices, required=False
            )
            self.fields[f"board_name_{number}"] = name
            self.fields[f"board_function_{number}"] = function
        dress(self)

    @property
    def board(self) -> ExternalRelayType | None:
        """The board that is chosen now."""
        value = str(self["board_type"].value() or "")
        return ExternalRelayType(value) if value in ExternalRelayType.values else None

    def relays(self) -> Iterator[tuple[int, BoundField, BoundField]]:
        """Number, name and function of each relay that the chosen board has."""
        for number in range(1, BOARD_RELAYS[self.board] + 1 if self.board else 1):
            yield (
                number,
                self[f"board_name_{number}"],
                self[f"board_function_{number}"],
            )

    def monitor_data(self) -> MonitorData:
        """The cleaned part as the service takes it; a relay without a name is none."""
        data = self.cleaned_data
        if not data["board_type"]:
            return MonitorData(can_arm=data["can_arm"])
        kind = ExternalRelayType(data["board_type"])
        relays = [
            BoardRelayData(
                number=number,
                name=data[f"board_name_{number}"],
                function=RelayFunction(
                    data[f"board_function_{number}"] or RelayFunction.OTHER
                ),
            )
            for number in range(1, BOARD_RELAYS[kind] + 1)
            if data[f"board_name_{number}"]
        ]
        board = BoardData(
            type=kind,
            mode=ExternalRelayMode(data["board_mode"] or ExternalRelayMode.RS485),
            address=data["board_address"],
            port=data["board_port"],
            relays=relays,
        )
        return MonitorData(can_arm=data["can_arm"], board=board)


def initial_monitor(device: Device) -> dict[str, Any]:
    """What the part of a monitor that there is begins with."""
    values: dict[str, Any] = {
        "can_arm": device.can_arm,
        "board_type": device.external_type,
        "board_mode": device.external_mode or ExternalRelayMode.RS485,
        "board_address": device.external_address or "",
        "board_port": device.external_port,
    }
    for relay in device.external_relays.all():
        values[f"board_name_{relay.number}"] = relay.name
        values[f"board_function_{relay.number}"] = relay.function
    return values
