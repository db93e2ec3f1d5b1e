"""The door to the apps for images of firmware: beside ``gateway.domain``, for its edge."""

from __future__ import annotations

import uuid
from typing import IO, cast

from django.core.files.storage import default_storage

from portico.firmware.services import delivery
from portico.firmware.services.delivery import Image
from portico.gateway.domain import Domain
from portico.kernel.clock import utcnow

__all__ = ["Image", "ImagesDomain"]


class ImagesDomain:
    """Plain values in and out. Every method may raise ``StoreFailed``."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    async def for_token(self, token: str) -> Image | None:
        """What an address was made for; None: wrong, too late, or taken back."""
        return await self._domain.call(_for_token, token)

    async def for_bridge(self, bridge_id: uuid.UUID, order: uuid.UUID) -> Image | None:
        """What an order of that bridge is about; None: it has no such order."""
        return await self._domain.call(_for_bridge, bridge_id, order)

    async def open(self, image: Image) -> IO[bytes] | None:
        """Its file, to be closed; None: what lies there is not all of it."""
        return await self._domain.call(_open, image)

    async def note_begun(self, image: Image) -> bool:
        """Its first byte is about to leave; False: it may not."""
        return await self._domain.call(_note_begun, image)

    async def note_sent(self, image: Image, sent: int) -> bool:
        """It left up to there; False: it was taken back."""
        return await self._domain.call(_note_sent, image, sent)

    async def may_finish(self, image: Image) -> bool:
        """The last part is about to leave for a unit that then writes it by itself."""
        return await self._domain.call(_may_finish, image)


def _for_token(token: str) -> Image | None:
    return delivery.image_for_token(token=token, now=utcnow())


def _for_bridge(bridge_id: uuid.UUID, order: uuid.UUID) -> Image | None:
    return delivery.image_for_bridge(
        bridge_id=bridge_id, command_id=order, now=utcnow()
    )


def _open(image: Image) -> IO[bytes] | None:
    try:
        if default_storage.size(image.file) != image.size:
            return None
        return cast("IO[bytes]", default_storage.open(image.file))
    except OSError:
        return None


def _note_begun(image: Image) -> bool:
    return delivery.note_begun(
        upgrade_id=image.upgrade_id, attempt=image.attempt, now=utcnow()
    )


def _note_sent(image: Image, sent: int) -> bool:
    return delivery.note_sent(
        upgrade_id=image.upgrade_id, attempt=image.attempt, sent=sent, now=utcnow()
    )


def _may_finish(image: Image) -> bool:
    return delivery.may_finish(
        upgrade_id=image.upgrade_id, attempt=image.attempt, now=utcnow()
    )
