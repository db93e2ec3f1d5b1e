"""What a unit was set to on its own pages, sent again after a reset (FW-4)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from portico.devices.models import Device
from portico.firmware.models import DeviceUpgrade
from portico.protocols.autop.grammar import parse
from portico.protocols.autop.guard import danger_of
from portico.provisioning.commands import MAX_BYTES, MAX_LINES
from portico.provisioning.enums import AutopState
from portico.provisioning.errors import BadTarget
from portico.provisioning.selectors import file_of
from portico.provisioning.services.autop import send_lines

# What a line of a file can hold; a value with a line break cannot be told.
_MOST_VALUE: Final = 1024


def has_restored(row: DeviceUpgrade, device: Device, now: datetime) -> bool:
    """Send the saved settings in parts, one after the other; True: all were fetched."""
    for place, lines in enumerate(_parts(row.backup, device)):
        key = f"restore:{row.pk}:{row.attempt}:{place}"
        try:
            item = send_lines(actor=None, device=device, lines=lines, key=key, now=now)
        except BadTarget:  # others wait in its file: when it has fetched them
            return False
        if item.state != AutopState.FETCHED:
            return False
    return True


def _parts(backup: str, device: Device) -> list[dict[str, str]]:
    """Settings that are nobody's but the unit's own: not Portico's, and harmless."""
    saved = json.loads(backup) if backup else {}
    file = file_of(device)
    own = {key.lower() for key in parse(file.body).settings} if file else set()
    parts: list[dict[str, str]] = [{}]
    size = 0
    for key, value in sorted(saved.items()):
        if key.lower() in own or danger_of(key) or not _can_be_told(key, value):
            continue
        length = len(key) + len(value.encode()) + 4
        if len(parts[-1]) >= MAX_LINES or size + length > MAX_BYTES:
            parts.append({})
            size = 0
        parts[-1][key] = value
        size += length
    return [part for part in parts if part]


def _can_be_told(key: str, value: object) -> bool:
    """Whether it is one line of a file, which says just that."""
    if not isinstance(value, str) or not value or len(value) > _MOST_VALUE:
        return False
    return value.isprintable() and parse(f"{key} = {value}").settings == {key: value}
