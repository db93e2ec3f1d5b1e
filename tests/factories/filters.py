from __future__ import annotations

from portico.accounts.models import User
from portico.devices.models import SavedFilter
from portico.devices.services.saved_filters import save_filter
from portico.kernel.clock import utcnow


def make_filter(installer: User, name: str = "Doors", **query: str) -> SavedFilter:
    """A search of the list of devices that the installer's company keeps."""
    return save_filter(actor=installer, name=name, query=query, now=utcnow())
