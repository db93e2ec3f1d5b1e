"""Lists of who may open: ``GET`` and ``POST /bridge/v1/access/<command>``, and the
photos of their entries: ``GET /bridge/v1/access/<command>/faces/<id>``.

The bridge fetches what a unit should hold, and says what became of it. On connections of
their own, so that no door waits behind them.
"""

from __future__ import annotations

import uuid

from portico.gateway import metrics
from portico.gateway.access_domain import AccessDomain
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
from portico.protocols.bridge.access import MAX_REPORT_BYTES, read_report
from portico.protocols.bridge.fields import Nonsense

PREFIX = "/bridge/v1/access/"
# A house of twenty units that all change at once, and their reports.
_PER_SECOND, _BURST = 4.0, 60.0
_FACES = "/faces/"
_JPEG = (b"content-type", b"image/jpeg")
_JSON = (b"content-type", b"application/json")
# They are PINs, card numbers and faces.
_PRIVATE = (b"cache-control", b"no-store")


class AccessLists:
    """Gives a bridge the lists of its own orders, and takes its reports."""

    def __init__(self, domain: Domain, addresses: ClientAddresses) -> None:
        self._domain = domain
        self._access = AccessDomain(domain)
        self._addresses = addresses
        self._asked = Buckets(_PER_SECOND, _BURST)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self._answer(scope, receive)
            kind = _JPEG if _FACES in scope["path"] else _JSON
        except Refused as refused:
            metrics.ACCESS_LISTS.labels(refused.code).inc()
            await problem(send, refused.status, refused.code)
        except StoreFailed:
            metrics.ACCESS_LISTS.labels("try_again").inc()
            await problem(send, 503, "try_again", headers=[(b"retry-after", b"2")])
        else:
            metrics.ACCESS_LISTS.labels("given" if body else "reported").inc()
            if body:
                await respond(send, 200, body, [kind, _PRIVATE])
            else:
                await respond(send, 204)

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        """List or photo, or nothing for a report. :raises Refused, StoreFailed: no."""
        method = scope["method"]
        order, _, entry = scope["path"].removeprefix(PREFIX).partition(_FACES)
        if method not in ({"GET"} if entry else {"GET", "POST"}):
            raise Refused(405, "method_not_allowed")
        if not self._asked.take(self._addresses.of(scope)):
            raise Refused(429, "too_many")
        named = f"{method} faces/{entry}" if entry else method

        def verify(key: bytes, command: uuid.UUID, body: bytes, proof: bytes) -> bool:
            return signing.verify_access(
                key, command, method=named, body=body, signature=proof
            )

        request = await read_signed(
            self._domain,
            scope,
            receive,
            order=order,
            most=MAX_REPORT_BYTES,
            verify=verify,
        )
        bridge_id, command = request.bridge_id, request.command
        if method == "GET":
            found = await self._found(bridge_id, command, entry)
            if found is None:
                raise Refused(404, "not_found")
            return found
        try:
            report = read_report(request.body)
        except Nonsense:
            raise Refused(422, "no_report") from None
        if not await self._access.note_report(bridge_id, command, report):
            raise Refused(404, "not_found")
        return b""

    async def _found(
        self, bridge_id: uuid.UUID, command: uuid.UUID, entry: str
    ) -> bytes | None:
        if entry:
            return await self._access.face(bridge_id, command, entry)
        return await self._access.access_list(bridge_id, command)
