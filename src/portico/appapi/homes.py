"""The houses of the account that is signed in: the app shows the doors of all of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portico.sites.models import Resident


def home_at(homes: Sequence[Resident], site_id: uuid.UUID) -> Resident:
    """Who the account is in the house with ``site_id``, which is one of his."""
    return next(home for home in homes if home.site_id == site_id)


def place(homes: Sequence[Resident], site_id: uuid.UUID, name: str) -> str:
    """What the app calls a thing in one of the houses.

    With several houses the house's name stands before it: clients have no other place.
    """
    if len(homes) == 1:
        return name
    return f"{home_at(homes, site_id).site.room_name}: {name}"
