"""What the calls of the local HTTP API do: system, relays, lists, logs, updates.

Every handler takes the unit and the call's ``data`` and returns the answer's ``data``;
it raises :class:`~portico.simulator.directory.Refused` for a negative answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from portico.kernel.mac import pretty_mac
from portico.simulator.api_config import config_get, config_set
from portico.simulator.calls import CALLING
from portico.simulator.catalogue import LETTERS
from portico.simulator.directory import TARGETS, Refused, page
from portico.simulator.factory import INPUT, RELAY
from portico.simulator.firmware import BadFirmware
from portico.simulator.firmware_faults import IN_CALL
from portico.simulator.unit import Unit

Data = dict[str, Any]
Handler = Callable[[Unit, Mapping[str, Any]], Data]


# ------------------------------------------------------------------------------ system


def _system_info(unit: Unit, _data: Mapping[str, Any]) -> Data:
    core = unit.core
    host = core.endpoint.rpartition(":")[0]
    info: Data = {
        "Status": {
            "Model": core.model.name,
            "MAC": pretty_mac(core.mac),
            "FirmwareVersion": core.state.firmware,
            "HardwareVersion": f"{core.model.model_id}.0.0.0.0.0.0.0",
            "Uptime": str(core.uptime),
            "WebLang": core.settings["Config.Settings.LANGUAGE.WebLang"],
        },
        "Lan": {
            "PortType": "DHCP",
            "LinkStatus": "Connected",
            "IPAddress": host,
            "SubnetMask": "255.0.0.0",
            "Gateway": host,
        },
    }
    return info | _accounts(unit)


def _accounts(unit: Unit) -> Data:
    settings = unit.core.settings
    accounts: Data = {}
    for number in range(1, unit.model.accounts + 1):
        prefix = unit.model.account_prefix(number)
        accounts[f"Account{number}"] = {
            "UserName": settings[f"{prefix}.GENERAL.UserName"],
            "SipServer": settings[f"{prefix}.SIP.Server"],
            # 0 off, 1 registering, 2 registered, 3 failed.
            "Status": str(unit.registration if number == 1 else 0),
        }
    return accounts


def _system_status(unit: Unit, _data: Mapping[str, Any]) -> Data:
    now = unit.core.world.clock.now()
    return {"SystemTime": int(now.timestamp()), "UpTime": unit.core.uptime}


def _reboot(unit: Unit, _data: Mapping[str, Any]) -> Data:
    unit.reboot()
    return {}


def _reset_factory(unit: Unit, _data: Mapping[str, Any]) -> Data:
    unit.reset_factory()
    return {}


def _reset_config(unit: Unit, _data: Mapping[str, Any]) -> Data:
    unit.reset_config()
    return {}


# ------------------------------------------------------------------- relays and inputs


def _relay_status(unit: Unit, _data: Mapping[str, Any]) -> Data:
    return {
        f"Relay{letter}": int(unit.relays.is_open(letter))
        for letter in LETTERS[: unit.model.relays]
    }


def _relay_trigger(unit: Unit, data: Mapping[str, Any]) -> Data:
    number = _whole(data, "num", 1)
    if not 1 <= number <= unit.model.relays:
        raise Refused("num error")
    mode, hold = _whole(data, "mode", 0), _whole(data, "delay", 0)
    if mode not in (0, 1) or not 0 <= hold <= 65535:
        raise Refused("param error")
    letter = LETTERS[number - 1]
    unit.relays.log("http", relays=[letter], granted=True, name="", code="")
    unit.relays.trigger(letter, manual=mode == 1, hold=hold)
    return {}


def _settings_handlers(prefix: str) -> dict[str, Handler]:
    """``get`` and ``set`` of the configuration keys under ``prefix``."""

    def get(unit: Unit, _data: Mapping[str, Any]) -> Data:
        config = unit.core.settings.all()
        return {key: text for key, text in config.items() if key.startswith(prefix)}

    def change(unit: Unit, data: Mapping[str, Any]) -> Data:
        values = {key: str(text) for key, text in data.items()}
        if not values or not all(key.startswith(prefix) for key in values):
            raise Refused("param error")
        unit.core.settings.apply(values)
        return {}

    return {"get": get, "set": change}


def _input_status(unit: Unit, _data: Mapping[str, Any]) -> Data:
    return {
        f"Input{letter}": int(letter in unit.inputs)
        for letter in LETTERS[: unit.model.inputs]
    }


def _whole(data: Mapping[str, Any], name: str, fallback: int) -> int:
    value = data.get(name, fallback)
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise Refused(f"{name} error") from error


# ---------------------------------------------------------------------- lists and logs


def _list_handlers(target: str) -> dict[str, Handler]:
    def get(unit: Unit, data: Mapping[str, Any]) -> Data:
        query = {key: str(value) for key, value in data.items()}
        return page(unit.directory.shown(target, query), query)

    def add(unit: Unit, data: Mapping[str, Any]) -> Data:
        unit.directory.add(target, _items(data))
        return {}

    def change(unit: Unit, data: Mapping[str, Any]) -> Data:
        unit.directory.set(target, _items(data))
        return {}

    def delete(unit: Unit, data: Mapping[str, Any]) -> Data:
        unit.directory.delete(target, _items(data))
        return {}

    def clear(unit: Unit, _data: Mapping[str, Any]) -> Data:
        unit.directory.clear(target)
        return {}

    return {"get": get, "add": add, "set": change, "del": delete, "clear": clear}


def _items(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    items = data.get("item")
    if not isinstance(items, list) or not items:
        raise Refused("item is empty")
    if not all(isinstance(item, dict) for item in items):
        raise Refused("item error")
    return items


def _log_handlers(field: str) -> dict[str, Handler]:
    def get(unit: Unit, data: Mapping[str, Any]) -> Data:
        newest_first = list(reversed(getattr(unit.core.state, field)))
        return page(newest_first, {key: str(value) for key, value in data.items()})

    def delete(unit: Unit, data: Mapping[str, Any]) -> Data:
        ids = {str(item.get("ID")) for item in _items(data)}
        log = getattr(unit.core.state, field)
        log[:] = [item for item in log if item["ID"] not in ids]
        unit.core.touch()
        return {}

    def clear(unit: Unit, _data: Mapping[str, Any]) -> Data:
        getattr(unit.core.state, field).clear()
        unit.core.touch()
        return {}

    return {"get": get, "del": delete, "clear": clear}


# ------------------------------------------------------------------- calls and updates


def _call_status(unit: Unit, _data: Mapping[str, Any]) -> Data:
    if IN_CALL in unit.core.faults:
        return {"Status": CALLING}
    return {"Status": unit.calls.status}


def _call_dial(unit: Unit, data: Mapping[str, Any]) -> Data:
    number = str(data.get("Phone") or "")
    if not unit.calls.dial(number, str(data.get("DisplayName") or "")):
        raise Refused("call failed")
    return {}


def _call_hangup(unit: Unit, _data: Mapping[str, Any]) -> Data:
    unit.hang_up()
    return {}


def _sip_status(unit: Unit, _data: Mapping[str, Any]) -> Data:
    return _accounts(unit)


def _sip_get(unit: Unit, _data: Mapping[str, Any]) -> Data:
    prefixes = tuple(
        f"{unit.model.account_prefix(number)}."
        for number in range(1, unit.model.accounts + 1)
    )
    return {
        key: value
        for key, value in unit.core.settings.all().items()
        if key.startswith(prefixes)
    }


def _firmware_status(unit: Unit, _data: Mapping[str, Any]) -> Data:
    return {"Status": unit.firmware.status, "Error": unit.firmware.last_error}


def _firmware_prepare(unit: Unit, _data: Mapping[str, Any]) -> Data:
    try:
        unit.firmware.prepare()
    except BadFirmware as error:
        raise Refused(error.code) from error
    return {}


def _firmware_upgrade(unit: Unit, data: Mapping[str, Any]) -> Data:
    try:
        image = unit.firmware.take(str(data.get("md5") or ""))
    except BadFirmware as error:
        raise Refused(error.code) from error
    unit.install(image)
    return {}


def _autop_set(unit: Unit, data: Mapping[str, Any]) -> Data:
    if str(data.get("ClearMD5")) == "1":
        unit.autop.clear_md5()
    if str(data.get("AUTOPNow")) == "1":
        unit.autop.trigger()
    return {}


def _autop_info(unit: Unit, _data: Mapping[str, Any]) -> Data:
    last = unit.autop.last
    return {
        "AutopRuns": unit.autop.runs,
        "AutopStatus": "none" if last is None else "fail" if last.failed else "success",
    }


HANDLERS: Final[Mapping[str, Mapping[str, Handler]]] = {
    "system": {
        "info": _system_info,
        "status": _system_status,
        "reboot": _reboot,
    },
    "relay": {
        "status": _relay_status,
        "trig": _relay_trigger,
        **_settings_handlers(RELAY),
    },
    "input": {"status": _input_status, **_settings_handlers(INPUT)},
    **{target: _list_handlers(target) for target in TARGETS},
    "doorlog": _log_handlers("door_log"),
    "calllog": _log_handlers("call_log"),
    "config": {
        "get": config_get,
        "set": config_set,
        "reset_factory": _reset_factory,
        "reset_config": _reset_config,
    },
    "call": {"status": _call_status, "dial": _call_dial, "hangup": _call_hangup},
    "sip": {"status": _sip_status, "get": _sip_get, "set": config_set},
    "firmware": {
        "status": _firmware_status,
        "prepare": _firmware_prepare,
        "upgrade": _firmware_upgrade,
    },
    "upgradeAdvanced": {"set": _autop_set, "info": _autop_info},
}
