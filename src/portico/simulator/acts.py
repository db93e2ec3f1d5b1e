"""What can be done to a unit from outside: a finger, a card, a thief, an installer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from portico.simulator import firmware_faults
from portico.simulator.catalogue import LETTERS, Kind
from portico.simulator.faces import FAULT_NOT_FETCHED
from portico.simulator.readers import METHODS
from portico.simulator.unit import Unit

Params = Mapping[str, Any]
Result = dict[str, Any]

# How long a hand keeps the exit button down (device seconds).
BUTTON_SECONDS: Final = 1.0
_CREDENTIAL_NAMES: Final = {
    "pin": "code",
    "card": "card",
    "nfc": "card",
    "qr": "code",
    "face": "user",
    "bluetooth": "user",
}
FAULTS: Final = frozenset(
    {
        "api_silent",
        FAULT_NOT_FETCHED,
    }
    | firmware_faults.ALL
)


class BadAct(ValueError):
    """This unit cannot do that, or the parameters are wrong."""


async def act(unit: Unit, name: str, params: Params) -> Result:
    """Do one thing; docs/simulator.md lists them with their parameters.

    :raises BadAct: unknown, not for this kind of unit, offline, or bad parameters.
    """
    if name in METHODS:
        _need_online(unit)
        return _credential(unit, name, params)
    if name in _ALWAYS:
        return await _ALWAYS[name](unit, params)
    if name in _ONLINE:
        _need_online(unit)
        return _ONLINE[name](unit, params)
    raise BadAct(f"unknown act: {name}")


def _credential(unit: Unit, name: str, params: Params) -> Result:
    if unit.model.kind is Kind.INDOOR_MONITOR:
        raise BadAct("an indoor monitor has no reader")
    shown = _text(params, _CREDENTIAL_NAMES[name])
    force = str(params.get("force") or "")
    if force not in ("", "granted", "refused"):
        raise BadAct("force is granted or refused")
    if not shown and not force:
        raise BadAct(f"{_CREDENTIAL_NAMES[name]} is missing")
    return {"granted": unit.readers.show(name, shown, force=force)}


def _exit_button(unit: Unit, params: Params) -> Result:
    number = _number(params, "input", min(unit.model.inputs, len(LETTERS)))
    letter = LETTERS[number - 1]
    _fire_input(unit, letter, triggered=True)
    relay = unit.core.settings["Config.DoorSetting.INPUT.InputRelay"]
    opened = LETTERS[int(relay) - 1] if relay in ("1", "2", "3", "4") else ""
    if opened in unit.relays.names:
        unit.relays.log("exit_button", relays=[opened], granted=True, name="", code="")
        unit.relays.trigger(opened)
    unit.core.later(BUTTON_SECONDS, lambda: _fire_input(unit, letter, triggered=False))
    return {"relay": opened}


def _fire_input(unit: Unit, letter: str, *, triggered: bool) -> None:
    variable = f"input{LETTERS.index(letter) + 1}status"
    suffix = f"Input{letter}{'Triggered' if triggered else 'Closed'}"
    (unit.inputs.add if triggered else unit.inputs.discard)(letter)
    unit.actions.fire(suffix, {variable: "1" if triggered else "0"})


def _call(unit: Unit, params: Params) -> Result:
    number = _text(params, "number") or unit.calls.button_number(
        _number(params, "key", 19)
    )
    if not number:
        raise BadAct("no number given and none on the button")
    return {"calling": number, "started": unit.calls.dial(number)}


def _hang_up(unit: Unit, _params: Params) -> Result:
    return {"ended": unit.hang_up()}


def _event(suffix: str, **variables: str) -> Callable[[Unit, Params], Result]:
    def fire(unit: Unit, _params: Params) -> Result:
        return {"sent": unit.actions.fire(suffix, variables)}

    return fire


def _motion(unit: Unit, _params: Params) -> Result:
    # 0 is off, 2 is detection in the video (SY); without it nothing is detected.
    enabled = unit.core.settings["Config.DoorSetting.MOTION_DETECT.Enable"]
    return {"sent": enabled not in ("", "0") and unit.actions.fire("MotionDetect")}


def _break_in(unit: Unit, params: Params) -> Result:
    number = _number(params, "input", min(unit.model.inputs, len(LETTERS)))
    letter = LETTERS[number - 1]
    numbered = f"BreakInAlarm{letter}"
    suffix = numbered if numbered in unit.model.action_urls else "InputBreakIn"
    return {"sent": unit.actions.fire(suffix, {f"input{number}status": "1"})}


def _hold_open(unit: Unit, params: Params) -> Result:
    number = _number(params, "relay", 2)
    suffix = f"AlarmDoorOpenedTimeout{LETTERS[number - 1]}"
    return {"sent": unit.actions.fire(suffix, {"relay_id": str(number)})}


def _autop(unit: Unit, params: Params) -> Result:
    if params.get("clear_md5"):
        unit.autop.clear_md5()
    unit.autop.trigger()
    return {}


def _reboot(unit: Unit, _params: Params) -> Result:
    unit.reboot()
    return {}


def _reset_config(unit: Unit, _params: Params) -> Result:
    unit.reset_config()
    return {}


def _reset_factory(unit: Unit, _params: Params) -> Result:
    unit.reset_factory()
    return {}


def _upgrade(unit: Unit, params: Params) -> Result:
    url = _text(params, "url")
    if not url:
        raise BadAct("url is missing")
    unit.upgrade_from(url)
    return {}


async def _offline(unit: Unit, _params: Params) -> Result:
    await unit.go_offline()
    return {}


async def _online(unit: Unit, _params: Params) -> Result:
    await unit.go_online()
    return {}


async def _fault(unit: Unit, params: Params) -> Result:
    name = _text(params, "name")
    if name not in FAULTS:
        raise BadAct(f"name is one of {', '.join(sorted(FAULTS))}")
    if params.get("on", True):
        unit.core.faults.add(name)
    else:
        unit.core.faults.discard(name)
    return {"faults": sorted(unit.core.faults)}


_ALWAYS: Final[Mapping[str, Callable[[Unit, Params], Awaitable[Result]]]] = {
    "offline": _offline,
    "online": _online,
    "fault": _fault,
}
_ONLINE: Final[Mapping[str, Callable[[Unit, Params], Result]]] = {
    "exit_button": _exit_button,
    "call": _call,
    "hangup": _hang_up,
    "motion": _motion,
    "tamper": _event("AlarmTriggered", alarmstatus="1"),
    "break_in": _break_in,
    "hold_open": _hold_open,
    "autop": _autop,
    "reboot": _reboot,
    "reset_config": _reset_config,
    "reset_factory": _reset_factory,
    "upgrade": _upgrade,
}


def _need_online(unit: Unit) -> None:
    if not unit.core.online:
        raise BadAct(f"the unit is {unit.core.phase}")


def _text(params: Params, name: str) -> str:
    value = params.get(name, "")
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise BadAct(f"{name} is a text")
    return str(value)


def _number(params: Params, name: str, highest: int) -> int:
    value = params.get(name, 1)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadAct(f"{name} is a number from 1 to {highest}")
    if not 1 <= value <= highest:
        raise BadAct(f"{name} is a number from 1 to {highest}")
    return value
