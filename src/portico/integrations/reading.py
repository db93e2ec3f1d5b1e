"""What vendors' answers have in common: fields that may be missing or of another kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# As the tables hold them.
MOST_ID, MOST_NAME = 127, 63


def text(row: Mapping[str, Any], key: str, most: int = MOST_NAME) -> str:
    """A text, or nothing where there is another thing."""
    value = row.get(key)
    return value.replace("\0", "").strip()[:most] if isinstance(value, str) else ""


def flag(row: Mapping[str, Any], key: str) -> bool | None:
    """Yes or no; None: it is not said."""
    value = row.get(key)
    return value if isinstance(value, bool) else None


def rows(body: Any, *keys: str) -> list[dict[str, Any]] | None:
    """The objects of a list, bare or under one of ``keys``; None: there is no list."""
    if isinstance(body, dict):
        body = next(
            (body[key] for key in keys if isinstance(body.get(key), list)), None
        )
    if not isinstance(body, list):
        return None
    return [row for row in body if isinstance(row, dict)]
