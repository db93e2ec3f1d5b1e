"""The list of a house's temp keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy

from portico.access.enums import KeyState, Repeat
from portico.access.rules import key_state
from portico.kernel.clock import utcnow
from portico.portals.shared.listing import Column, Filter, ListSpec
from portico.portals.shared.tables import moment

if TYPE_CHECKING:
    from portico.access.models import TempKey


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key and how it stands now."""

    key: TempKey
    state: KeyState

    @property
    def doors(self) -> str:
        """The doors' names; the rows come with them."""
        return ", ".join(relay.name for relay in self.key.relays.all())

    @property
    def uses(self) -> str:
        """Made of allowed."""
        allowed = self.key.uses_in_all
        return f"{self.key.uses_made}/{'∞' if allowed is None else allowed}"


def key_rows(keys: Sequence[TempKey]) -> Sequence[KeyRow]:
    """No more queries: the doors come with the keys."""
    now = utcnow()
    return [KeyRow(key, key_state(key, now)) for key in keys]


KEYS: ListSpec[KeyRow] = ListSpec(
    name="temp_keys",
    columns=(
        Column(
            key="name",
            label=gettext_lazy("Name"),
            text=lambda row: row.key.name,
            order=("name",),
            is_fixed=True,
        ),
        Column(
            key="state",
            label=gettext_lazy("Validity"),
            text=lambda row: row.state.label,
        ),
        Column(
            key="repeat",
            label=gettext_lazy("Repeat mode"),
            text=lambda row: row.key.get_repeat_display(),
            order=("repeat",),
        ),
        Column(key="doors", label=gettext_lazy("Doors"), text=lambda row: row.doors),
        Column(key="uses", label=gettext_lazy("Uses"), text=lambda row: row.uses),
        Column(
            key="from",
            label=gettext_lazy("Valid from"),
            text=lambda row: moment(row.key.starts_at),
            order=("starts_at",),
        ),
        Column(
            key="until",
            label=gettext_lazy("Valid until"),
            text=lambda row: moment(row.key.ends_at),
            order=("ends_at",),
        ),
        Column(
            key="created",
            label=gettext_lazy("Made"),
            text=lambda row: moment(row.key.created_at),
            order=("created_at",),
        ),
    ),
    order="-created",
    filters=(
        Filter(
            key="state",
            label=gettext_lazy("Validity"),
            choices=dict(KeyState.choices),
        ),
        Filter(
            key="repeat",
            label=gettext_lazy("Any repeat mode"),
            choices=dict(Repeat.choices),
            is_open=True,
        ),
    ),
    hidden=frozenset({"from", "created"}),
)
