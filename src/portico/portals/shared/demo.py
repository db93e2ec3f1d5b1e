"""The demo's simulator, reached through its control address."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portico.devices.catalogue import all_models
from portico.devices.enums import DeviceKind

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# The simulator is on the same machine; whoever pressed the button waits.
TIMEOUT_SECONDS = 10.0
# What plays a unit whose model nobody has told yet.
_STAND_INS = {
    DeviceKind.DOOR_PHONE: "R29C",
    DeviceKind.ACCESS_TERMINAL: "A05",
    DeviceKind.INDOOR_MONITOR: "C315",
}
# Sold under two names; the simulator knows the one that the unit itself reports.
_SAME_UNIT = {"R29": "R29C"}


class SimulatorAway(Exception):
    """The simulator is not there or refused; the text says which."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person can do to a virtual unit."""

    key: str
    label: StrOrPromise
    done: StrOrPromise
    icon: str
    body: dict[str, Any] = field(default_factory=dict)


_ALL = (
    Act(
        "autop",
        gettext_lazy("Fetch the configuration"),
        gettext_lazy("The unit fetches its configuration now."),
        "refresh",
        {"act": "autop"},
    ),
    Act(
        "offline",
        gettext_lazy("Cut the network"),
        gettext_lazy("The unit is cut off. It counts as offline after 90 seconds."),
        "wifi-off",
        {"act": "offline"},
    ),
    Act(
        "online",
        gettext_lazy("Restore the network"),
        gettext_lazy("The unit is back on the network."),
        "wifi",
        {"act": "online"},
    ),
)
_DOOR = (
    Act(
        "pin",
        gettext_lazy("Right PIN"),
        gettext_lazy("A right PIN was entered."),
        "dialpad",
        {"act": "pin", "force": "granted"},
    ),
    Act(
        "wrong_pin",
        gettext_lazy("Wrong PIN"),
        gettext_lazy("A wrong PIN was entered."),
        "shield-x",
        {"act": "pin", "code": "90210", "force": "refused"},
    ),
    Act(
        "card",
        gettext_lazy("Card"),
        gettext_lazy("A known card was shown."),
        "id",
        {"act": "card", "force": "granted"},
    ),
    Act(
        "face",
        gettext_lazy("Face"),
        gettext_lazy("A known face was seen."),
        "face-id",
        {"act": "face", "force": "granted"},
    ),
    Act(
        "doorbell",
        gettext_lazy("Press the bell"),
        gettext_lazy("The bell was pressed."),
        "bell-ringing",
        {"act": "call", "number": "100"},
    ),
    Act(
        "motion",
        gettext_lazy("Walk past"),
        gettext_lazy("Somebody walked past."),
        "run",
        {"act": "motion"},
    ),
)
ACTS: dict[str, tuple[Act, ...]] = {
    DeviceKind.DOOR_PHONE: _DOOR + _ALL,
    DeviceKind.ACCESS_TERMINAL: _DOOR + _ALL,
    DeviceKind.INDOOR_MONITOR: _ALL,
}


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A text message on the screen of a virtual monitor, and its time there."""

    text: str
    at: str


def _ask(method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
    environment = settings.ENVIRONMENT
    if not environment.simulator_control:
        raise SimulatorAway(_("No simulator runs beside this demo."))
    token = environment.simulator_token.get_secret_value()
    try:
        answer = httpx.request(
            method,
            f"{environment.simulator_control.rstrip('/')}{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )
    except httpx.HTTPError:
        raise SimulatorAway(_("The simulator does not answer.")) from None
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise SimulatorAway(_("No virtual unit runs for this device. Start it first."))
    if answer.is_error:
        raise SimulatorAway(
            _("The simulator refused: %(why)s") % {"why": _reason(answer)}
        )
    return answer


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])[:200]
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)


def start_virtual_unit(*, mac: str, model: str, url: str) -> None:
    """Let a unit with ``mac`` come to life that fetches its file at ``url``.

    :raises SimulatorAway: there is no simulator, or it refused.
    """
    _ask("POST", "/devices", {"mac": mac, "model": model, "url": url})


def act_on_virtual_unit(*, mac: str, act: Act) -> None:
    """Do something to the unit with ``mac``.

    :raises SimulatorAway: there is no simulator or no such unit, or it refused.
    """
    _ask("POST", f"/devices/{mac}/act", act.body)


def messages_of_virtual_unit(*, mac: str) -> list[ShownMessage]:
    """The messages that the monitor with ``mac`` shows, newest first.

    :raises SimulatorAway: there is no simulator or no such unit.
    """
    shown = _ask("GET", f"/devices/{mac}").json()["messages"]
    return [
        ShownMessage(one["Text"], f"{one['Date']} {one['Time']}")
        for one in reversed(shown)
    ]


def start_virtual_bridge(*, server: str, token: str, name: str) -> None:
    """Let a bridge come to life that enrols at ``server`` with ``token``.

    :raises SimulatorAway: there is no simulator, or it refused.
    """
    _ask("POST", "/bridges", {"server": server, "token": token, "name": name})


def stand_in_model(model: str, kind: str) -> str:
    """The model that plays a device: its own, or a usual one of its kind."""
    if model not in all_models():
        return _STAND_INS[DeviceKind(kind)]
    return _SAME_UNIT.get(model, model)
