"""``config/get`` and ``config/set`` of the local API."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from portico.simulator.directory import Refused
from portico.simulator.unit import Unit

# Over the HTTP API the S532 wants and shows these in base64 (SY); AutoP stays plain.
_SECRET_ENDINGS: Final = (".GENERAL.Pwd", ".RTSP.Password", ".APIFCGI.Password")


def config_get(unit: Unit, data: Mapping[str, Any]) -> dict[str, Any]:
    """The whole map; with ``filter`` the keys that begin so; with ``item`` just those.

    Keys that the unit does not have are left out, which is how a client learns them.
    """
    config = unit.core.settings.all()
    if wanted := _texts(data, "item"):
        config = {key: config[key] for key in wanted if key in config}
    elif prefixes := _texts(data, "filter"):
        chosen = tuple(prefixes)
        config = {key: text for key, text in config.items() if key.startswith(chosen)}
    if unit.model.base64_passwords:
        config = {key: _shown(key, text) for key, text in config.items()}
    return dict(config)


def config_set(unit: Unit, data: Mapping[str, Any]) -> dict[str, Any]:
    """Store ``{key: value}``; keys of other models' dialects are ignored.

    :raises Refused: nothing to set, or a value that is no text or number.
    """
    if not data:
        raise Refused("data is empty")
    values: dict[str, str] = {}
    for key, value in data.items():
        if not isinstance(value, str | int | float):
            raise Refused(f"{key} error")
        text = str(value)
        values[key] = _stored(key, text) if unit.model.base64_passwords else text
    unit.core.settings.apply(values)
    return {}


def _texts(data: Mapping[str, Any], name: str) -> list[str]:
    value = data.get(name)
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return [str(each) for each in value] if isinstance(value, list) else []


def _shown(key: str, text: str) -> str:
    if not key.endswith(_SECRET_ENDINGS):
        return text
    return base64.b64encode(text.encode()).decode()


def _stored(key: str, text: str) -> str:
    if not key.endswith(_SECRET_ENDINGS):
        return text
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused(f"{key} error") from error
