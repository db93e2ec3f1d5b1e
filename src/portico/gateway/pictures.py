"""Pictures that bridges send: ``POST /bridge/v1/pictures/<command>``.

On a connection of their own, so that no door waits behind them.
"""

from __future__ import annotations

import uuid

from portico.gateway import metrics
from portico.gateway.domain import Domain, StoreFailed
from portico.gateway.http import (
    ClientAddresses,
    Receive,
    Scope,
    Send,
    problem,
    respond,
)
from portico.gateway.limits import Buckets
from portico.gateway.signed import Refused, read_signed
from portico.protocols.bridge import signing

PREFIX = "/bridge/v1/pictures/"
MAX_BYTES = 256 * 1024
# A house's bridge takes one at a time; a body costs its memory before it is known whose.
_PER_SECOND, _BURST = 0.5, 10.0


class Pictures:
    """Takes what a bridge was ordered to take."""

    def __init__(self, domain: Domain, addresses: ClientAddresses) -> None:
        self._domain = domain
        self._addresses = addresses
        self._sendings = Buckets(_PER_SECOND, _BURST)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._take(scope, receive)
        except Refused as refused:
            metrics.PICTURES.labels(refused.code).inc()
            await problem(send, refused.status, refused.code)
        except StoreFailed:
            metrics.PICTURES.labels("try_again").inc()
            await problem(send, 503, "try_again", headers=[(b"retry-after", b"2")])
        else:
            metrics.PICTURES.labels("stored").inc()
            await respond(send, 204)

    async def _take(self, scope: Scope, receive: Receive) -> None:
        """:raises Refused, StoreFailed: it is not stored."""
        if scope["method"] != "POST":
            raise Refused(405, "method_not_allowed")
        if not self._sendings.take(self._addresses.of(scope)):
            raise Refused(429, "too_many")
        order = scope["path"].removeprefix(PREFIX)
        request = await read_signed(
            self._domain, scope, receive, order=order, most=MAX_BYTES, verify=_is_theirs
        )
        stored = await self._domain.store_picture(
            request.bridge_id, request.command, request.body
        )
        if stored is None:
            raise Refused(422, "no_picture")
        if not stored:
            raise Refused(404, "not_found")


def _is_theirs(key: bytes, command: uuid.UUID, jpeg: bytes, proof: bytes) -> bool:
    return signing.verify_picture(key, command, jpeg, signature=proof)
