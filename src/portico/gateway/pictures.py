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
    TooLarge,
    header,
    problem,
    read_body,
    respond,
)
from portico.gateway.limits import Buckets
from portico.protocols.bridge import signing

PREFIX = "/bridge/v1/pictures/"
MAX_BYTES = 256 * 1024
# A house's bridge takes one at a time; a body costs its memory before it is known whose.
_PER_SECOND, _BURST = 0.5, 10.0


class _Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class Pictures:
    """Takes what a bridge was ordered to take."""

    def __init__(self, domain: Domain, addresses: ClientAddresses) -> None:
        self._domain = domain
        self._addresses = addresses
        self._sendings = Buckets(_PER_SECOND, _BURST)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._take(scope, receive)
        except _Refused as refused:
            metrics.PICTURES.labels(refused.code).inc()
            await problem(send, refused.status, refused.code)
        except StoreFailed:
            metrics.PICTURES.labels("try_again").inc()
            await problem(send, 503, "try_again", headers=[(b"retry-after", b"2")])
        else:
            metrics.PICTURES.labels("stored").inc()
            await respond(send, 204)

    async def _take(self, scope: Scope, receive: Receive) -> None:
        """:raises _Refused, StoreFailed: it is not stored."""
        if scope["method"] != "POST":
            raise _Refused(405, "method_not_allowed")
        if not self._sendings.take(self._addresses.of(scope)):
            raise _Refused(429, "too_many")
        try:
            command = uuid.UUID(scope["path"].removeprefix(PREFIX))
            bridge_id = uuid.UUID(header(scope, b"portico-bridge"))
            signature = signing.from_base64url(header(scope, b"portico-signature"))
        except ValueError:
            raise _Refused(404, "not_found") from None
        bridge = await self._domain.bridge(bridge_id)
        if bridge is None:
            raise _Refused(404, "not_found")
        try:
            jpeg = await read_body(receive, MAX_BYTES)
        except TooLarge:
            raise _Refused(413, "too_large") from None
        is_theirs = signing.verify_picture(
            bridge.public_key, command, jpeg, signature=signature
        )
        if not is_theirs:
            raise _Refused(404, "not_found")
        stored = await self._domain.store_picture(bridge_id, command, jpeg)
        if stored is None:
            raise _Refused(422, "no_picture")
        if not stored:
            raise _Refused(404, "not_found")
