from __future__ import annotations

import uuid

from portico.kernel.clock import utcnow
from portico.kernel.queue import job
from portico.sites.services.residents import ADDRESS_CHANGED
from portico.weather.services import asking


@job(ADDRESS_CHANGED)
def locate(site_id: str) -> None:
    asking.locate(site_id=uuid.UUID(site_id), now=utcnow())


@job(asking.ASK)
def ask(place_id: int) -> None:
    asking.ask(place_id=place_id, now=utcnow())
