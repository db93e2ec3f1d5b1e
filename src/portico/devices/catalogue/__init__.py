"""The model catalogue: what each unit can do, as data.

``models.toml`` beside this file is the catalogue that ships; an installation may put
newer entries into ``<data>/models.toml``, which wins entry by entry.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from django.conf import settings

from portico.devices.enums import AccessMethod, DeviceKind, PushModule

# Until a unit has told its model, it may be set up like the largest of them.
UNKNOWN_RELAYS = 4


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """One entry of the catalogue; ``source`` says where the facts are from."""

    key: str
    name: str
    kind: DeviceKind
    model_id: int
    relays: int
    security_relays: int
    access_methods: tuple[AccessMethod, ...]
    relay_keys: str
    account_key: str
    # The unit's number of a language, by language code; only what is published.
    languages: Mapping[str, int]
    # Whether the unit sees who stands at it.
    camera: bool
    # Expansion modules with push buttons that it takes (DEV-8).
    push_modules: tuple[PushModule, ...]
    # The soft key in its settings that is the first key of each module.
    soft_keys: Mapping[str, int]
    # Whether it arms and disarms a house, and drives a board of relays (DEV-4).
    arming: bool
    external_relay: bool
    # How its firmware images end: .rom or .zip.
    firmware_type: str
    source: str


def _model(key: str, entry: dict[str, Any]) -> DeviceModel:
    is_monitor = entry["kind"] == DeviceKind.INDOOR_MONITOR
    return DeviceModel(
        key=key,
        name=entry.get("name", key),
        kind=DeviceKind(entry["kind"]),
        model_id=entry["model_id"],
        relays=entry["relays"],
        security_relays=entry.get("security_relays", 0),
        access_methods=tuple(AccessMethod(m) for m in entry["access_methods"]),
        relay_keys=entry.get("relay_keys", "letters"),
        account_key=entry.get("account_key", "Account1"),
        languages=entry.get("languages", {}),
        camera=entry.get("camera", not is_monitor),
        push_modules=tuple(PushModule(m) for m in entry.get("push_modules", ())),
        soft_keys=entry.get("soft_keys", {}),
        arming=entry.get("arming", is_monitor),
        external_relay=entry.get("external_relay", is_monitor),
        firmware_type=entry.get("firmware_type", ".rom"),
        source=entry["source"],
    )


@functools.cache
def all_models() -> dict[str, DeviceModel]:
    """Every known model by its key, in the order of the file."""
    shipped = resources.files(__package__).joinpath("models.toml").read_text("utf-8")
    entries = tomllib.loads(shipped)
    own = Path(settings.ENVIRONMENT.data, "models.toml")
    if own.exists():
        entries |= tomllib.loads(own.read_text("utf-8"))
    return {key: _model(key, entry) for key, entry in entries.items()}


def find_model(text: str) -> DeviceModel | None:
    """The model that a label, a library or a unit calls ``text``; case does not matter."""
    wanted = text.strip().upper().removeprefix("AKUVOX").strip(" -_")
    models = all_models()
    return models.get(wanted) or next(
        (model for model in models.values() if model.name.upper() == wanted), None
    )


def methods_for(model: DeviceModel | None) -> tuple[AccessMethod, ...]:
    """The access methods that can be offered for a relay of ``model``."""
    return tuple(AccessMethod) if model is None else model.access_methods
