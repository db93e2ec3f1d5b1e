"""The local HTTP API without HTTP: a call in, an envelope out.

Sources: the vendor's HTTP API manual (targets, actions, envelope), pylocal-akuvox 1.7.0
(what a published client sends and needs), pyakuvox, SmartYard-Server (quirks).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from portico.simulator import firmware_faults
from portico.simulator.api_handlers import HANDLERS, Data
from portico.simulator.directory import Refused
from portico.simulator.unit import Unit

NO_ACTION: Final = "unsupport action"
NO_TARGET: Final = "Api unsupported"
# These change lists or settings and are POST only; reads and triggers also work as GET.
_POST_ONLY: Final = frozenset({"add", "set", "del", "clear"})
_CONFIG_SET: Final = ("config", "set")


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
    handlers = HANDLERS.get(call.target)
    lacks = call.target == "firmware" and firmware_faults.NO_API in unit.core.faults
    if handlers is None or call.target in model.missing_targets or lacks:
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
