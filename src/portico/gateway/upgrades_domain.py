"""The door to the apps for what bridges say of upgrades: beside ``gateway.domain``."""

from __future__ import annotations

import uuid

from portico.firmware.services import delivery
from portico.gateway.domain import Domain
from portico.kernel.clock import utcnow
from portico.protocols.bridge.firmware import FirmwareReport, Verdict


class UpgradesDomain:
    """Plain values in and out. Every method may raise ``StoreFailed``."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    async def verdict(
        self, bridge_id: uuid.UUID, order: uuid.UUID, report: FirmwareReport
    ) -> Verdict:
        """Whether that bridge may go on with its order."""
        return await self._domain.call(_verdict, bridge_id, order, report)

    async def keep_configuration(
        self, bridge_id: uuid.UUID, order: uuid.UUID, text: str
    ) -> bool:
        """Whether it was about an order of that bridge."""
        return await self._domain.call(_keep_configuration, bridge_id, order, text)


def _verdict(bridge_id: uuid.UUID, order: uuid.UUID, report: FirmwareReport) -> Verdict:
    return delivery.verdict(
        bridge_id=bridge_id, command_id=order, report=report, now=utcnow()
    )


def _keep_configuration(bridge_id: uuid.UUID, order: uuid.UUID, text: str) -> bool:
    return delivery.keep_configuration(
        bridge_id=bridge_id, command_id=order, text=text, now=utcnow()
    )
