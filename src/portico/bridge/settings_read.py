"""Reading single settings of a unit back, for the server to compare."""

from __future__ import annotations

from typing import Final

from portico.bridge.errors import OpeningFailed
from portico.bridge.unit import Unit
from portico.protocols.akuvox import local_api
from portico.protocols.bridge.envelope import (
    MAX_VALUE,
    Command,
    Nonsense,
    read_asked_keys,
)

# A unit's answer is one body, and somebody may stand at the door meanwhile.
_AT_ONCE: Final = 40


async def read_settings(unit: Unit, command: Command) -> dict[str, str]:
    """What ``unit`` has for the keys that were asked for; without those it does not have.

    :raises OpeningFailed: see there.
    """
    try:
        keys = read_asked_keys(command.data)
    except Nonsense as error:
        raise OpeningFailed("bad_command") from error
    found: dict[str, str] = {}
    for at in range(0, len(keys), _AT_ONCE):
        part = keys[at : at + _AT_ONCE]
        told = await unit.ask(local_api.config_get(*part), local_api.read_answer)
        for key in part:
            if (value := told.get(key)) is not None:
                text = "".join(c for c in str(value) if c.isprintable())
                found[key] = text[:MAX_VALUE]
    return found
