"""Keys of the demo: made at the first start, kept in the data folder."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from portico.kernel.crypto import new_key
from portico.kernel.ids import new_secret


def load_or_make_keys(data: Path) -> dict[str, str]:
    """The demo's secret settings as environment variables."""
    path = data / "keys.json"
    if not path.exists():
        keys = {
            "PORTICO_SECRET_KEY": secrets.token_urlsafe(48),
            "PORTICO_ENCRYPTION_KEYS": new_key(),
            "PORTICO_SIMULATOR_TOKEN": new_secret(),
        }
        write_private(path, json.dumps(keys, indent=1))
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found


def write_private(path: Path, text: str) -> None:
    """Write ``path`` in one step, readable for this account only."""
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
