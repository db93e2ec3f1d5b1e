"""The local HTTP API without HTTP: a call in, an envelope out.

Sources: the vendor's HTTP API manual (targets, actions, envelope), pylocal-akuvox 1.7.0
(what a published client sends and needs), pyakuvox, SmartYard-Server (quirks).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from portico.kernel.mac import pretty_mac
from portico.simulator.api_config import config_get, config_set
from portico.simulator.catalogue import LETTERS
from portico.simulator.directory import Refused, page
from portico.simulator.factory import RELAY
from portico.simulator.firmware import BadFirmware
from portico.simulator.unit import Unit

Data = dict[str, Any]
Handler = Callable[[Unit, Mapping[str, Any]], Data]

NO_ACTION: Final = "unsupport action"
NO_TARGET: Final = "Api unsupported"
# These change lists or settings and are POST only; reads and triggers also work as GET.
_POST_ONLY: Final = frozenset({"add", "set", "del", "clear"})
_CONFIG_SET: Final = ("config", "set")
_LISTS: Final = ("user", "schedule", "contact", "group")


class BadCall(ValueError):
    """The request is no API call; HTTP 400."""


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call: ``data`` is the envelope's ``data`` or, for GET, the query."""

    target: str
    action: str
    data: Mapping[str, Any]


def read_call(
    unit: Unit, *, method: str, path: str, query: Mapping[str, str], body: bytes
) -> ApiCall:
    """Make a call of a request to ``/api``, ``/api/<target>/<action>``.

    The envelope's own target and action win over the path's.

    :raises BadCall: neither path nor body say what is meant, or the body is no JSON.
    :raises Refused: the method or the form is not supported by this unit.
    """
    parts = [part for part in path.split("/") if part and part not in ("api", "web")]
    target, action = (*parts, "", "")[:2]
    if method == "GET":
        by_get = target == "config" and unit.model.config_set_by_get
        if action in _POST_ONLY and not by_get:
            raise Refused(NO_ACTION)
        return _named(ApiCall(target, action, dict(query)))
    envelope = _json(body)
    if "action" not in envelope:
        # A bare map for config/set is answered "unsupport action" (PY).
        if target == "config" or not target:
            raise Refused(NO_ACTION)
        return _named(ApiCall(target, action, envelope))
    if unit.model.target_required and "target" not in envelope:
        raise Refused(NO_TARGET)
    data = envelope.get("data", {})
    call = ApiCall(
        str(envelope.get("target") or target),
        str(envelope["action"]),
        data if isinstance(data, dict) else {},
    )
    # The E16C sets its configuration by GET only (EV).
    if unit.model.config_set_by_get and (call.target, call.action) == _CONFIG_SET:
        raise Refused(NO_ACTION)
    return _named(call)


def perform(unit: Unit, call: ApiCall) -> Data:
    """Do the call and return the answer's envelope; refusals are envelopes as well."""
    model = unit.model
    handlers = _HANDLERS.get(call.target)
    if handlers is None or call.target in model.missing_targets:
        return envelope(call.action, message=NO_TARGET, retcode=-1)
    handler = handlers.get(call.action)
    unsupported = f"{call.target}.{call.action}" in model.unsupported_actions
    if handler is None or unsupported:
        return envelope(call.action, message=NO_ACTION, retcode=-1)
    try:
        data = handler(unit, call.data)
    except Refused as refused:
        return envelope(call.action, message=refused.message, retcode=refused.retcode)
    return envelope(call.action, data=data)


def envelope(
    action: str, *, data: Data | None = None, message: str = "OK", retcode: int = 0
) -> Data:
    """``{"retcode", "action", "message", "data"}``, the shape of every answer."""
    return {
        "retcode": retcode,
        "action": action,
        "message": message,
        "data": {} if data is None else data,
    }


def _named(call: ApiCall) -> ApiCall:
    if not call.target or not call.action:
        raise BadCall("target and action are needed")
    return call


def _json(body: bytes) -> Data:
    try:
        value = json.loads(body or b"{}")
    except ValueError as error:
        raise BadCall("not JSON") from error
    if not isinstance(value, dict):
        raise BadCall("not a JSON object")
    return value


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


def _relay_get(unit: Unit, _data: Mapping[str, Any]) -> Data:
    return {
        key: value
        for key, value in unit.core.settings.all().items()
        if key.startswith(RELAY)
    }


def _relay_set(unit: Unit, data: Mapping[str, Any]) -> Data:
    settings = {key: str(value) for key, value in data.items() if key.startswith(RELAY)}
    if not settings:
        raise Refused("param error")
    unit.core.settings.apply(settings)
    return {}


def _input_status(unit: Unit, _data: Mapping[str, Any]) -> Data:
    return {f"Input{letter}": 0 for letter in LETTERS[: unit.model.inputs]}


def _input_get(unit: Unit, _data: Mapping[str, Any]) -> Data:
    prefix = "Config.DoorSetting.INPUT."
    return {
        key: value
        for key, value in unit.core.settings.all().items()
        if key.startswith(prefix)
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
    unit.firmware.prepare()
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


_HANDLERS: Final[Mapping[str, Mapping[str, Handler]]] = {
    "system": {
        "info": _system_info,
        "status": _system_status,
        "reboot": _reboot,
    },
    "relay": {
        "status": _relay_status,
        "trig": _relay_trigger,
        "get": _relay_get,
        "set": _relay_set,
    },
    "input": {"status": _input_status, "get": _input_get},
    **{target: _list_handlers(target) for target in _LISTS},
    "doorlog": _log_handlers("door_log"),
    "calllog": _log_handlers("call_log"),
    "config": {
        "get": config_get,
        "set": config_set,
        "reset_factory": _reset_factory,
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
