"""What happens to residents' accounts."""

from __future__ import annotations

from datetime import datetime

from portico.sites.models import Resident


def mark_registered(*, resident: Resident, now: datetime) -> None:
    """The resident has signed in for the first time; later calls change nothing."""
    Resident.objects.filter(pk=resident.pk, registered_at=None).update(
        registered_at=now
    )
