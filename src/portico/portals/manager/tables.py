"""The property manager's list of communities."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from portico.portals.shared.listing import Column, ListSpec
from portico.portals.shared.tables import SITE_DEVICES, SITE_NAME, SiteBelowRow

COMMUNITIES: ListSpec[SiteBelowRow] = ListSpec(
    name="managed",
    columns=(
        SITE_NAME,
        Column(
            key="address",
            label=gettext_lazy("Address"),
            text=lambda row: row.site.address,
            order=("address",),
        ),
        SITE_DEVICES,
    ),
    order="name",
)
