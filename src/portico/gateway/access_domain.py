"""The door to the apps for who may open: beside ``gateway.domain``, for its own edge."""

from __future__ import annotations

import uuid

from portico.access.services import faces, syncing
from portico.gateway.domain import Domain
from portico.kernel.clock import utcnow
from portico.protocols.bridge.access import AccessReport, encode


class AccessDomain:
    """Plain values in and out. Every method may raise ``StoreFailed``."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    async def access_list(
        self, bridge_id: uuid.UUID, command_id: uuid.UUID
    ) -> bytes | None:
        """The body for the bridge; None: no such order of its."""
        return await self._domain.call(_access_list, bridge_id, command_id)

    async def face(
        self, bridge_id: uuid.UUID, command_id: uuid.UUID, entry_id: str
    ) -> bytes | None:
        """The photo of an entry of that list; None: there is none."""
        return await self._domain.call(_face, bridge_id, command_id, entry_id)

    async def note_report(
        self, bridge_id: uuid.UUID, command_id: uuid.UUID, report: AccessReport
    ) -> bool:
        """Whether it was about an order of this bridge."""
        return await self._domain.call(_note_report, bridge_id, command_id, report)


def _access_list(bridge_id: uuid.UUID, command_id: uuid.UUID) -> bytes | None:
    found = syncing.list_for(bridge_id=bridge_id, command_id=command_id, now=utcnow())
    return None if found is None else encode(found)


def _face(bridge_id: uuid.UUID, command_id: uuid.UUID, entry_id: str) -> bytes | None:
    return faces.face_for(
        bridge_id=bridge_id, command_id=command_id, entry_id=entry_id, now=utcnow()
    )


def _note_report(
    bridge_id: uuid.UUID, command_id: uuid.UUID, report: AccessReport
) -> bool:
    return syncing.note_report(
        bridge_id=bridge_id, command_id=command_id, report=report, now=utcnow()
    )
