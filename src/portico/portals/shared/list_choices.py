"""What somebody has switched off in a list: how pages look, no business of the domain."""

from __future__ import annotations

from collections.abc import Collection

from portico.portals.shared.models import ListChoice

# Lists have fewer columns than this.
_MOST = 32


def hidden_columns(user_id: int, name: str, default: Collection[str]) -> frozenset[str]:
    """The columns of the list ``name`` that this person does not want to see."""
    rows = ListChoice.objects.filter(user=user_id, name=name)  # scope: its own table
    kept = rows.values_list("hidden", flat=True).first()
    return frozenset(default if kept is None else kept)


def hide_columns(user_id: int, name: str, keys: Collection[str]) -> None:
    """Remember them, in every portal and on every device."""
    hidden = sorted({key[:31] for key in keys})[:_MOST]
    ListChoice.objects.update_or_create(  # scope: its own table
        user_id=user_id, name=name, defaults={"hidden": hidden}
    )
