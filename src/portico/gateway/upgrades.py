"""What bridges say of upgrades, and whether they may go on: HTTPS beside their sessions.

``POST /bridge/v1/firmware/<order>`` and ``…/configuration``; images are in ``images``.
"""

from __future__ import annotations

import uuid
from typing import Final

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
from portico.gateway.upgrades_domain import UpgradesDomain
from portico.protocols.bridge import signing
from portico.protocols.bridge.fields import Nonsense
from portico.protocols.bridge.firmware import (
    CONFIGURATION,
    MAX_CONFIGURATION_BYTES,
    MAX_REPORT_BYTES,
    Verdict,
    encode_verdict,
    read_configuration,
    read_report,
)

PREFIX: Final = "/bridge/v1/firmware/"
# A house of twenty units, each of which tells something every five seconds.
_PER_SECOND, _BURST = 8.0, 60.0
_JSON = (b"content-type", b"application/json")
# A stored verdict would let a unit be written that was taken back since.
_PRIVATE = (b"cache-control", b"no-store")


class Upgrades:
    """Takes the reports of bridges on their orders, and what units were set to before."""

    def __init__(self, domain: Domain, addresses: ClientAddresses) -> None:
        self._domain = domain
        self._upgrades = UpgradesDomain(domain)
        self._addresses = addresses
        self._asked = Buckets(_PER_SECOND, _BURST)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            verdict = await self._answer(scope, receive)
        except Refused as refused:
            metrics.UPGRADES.labels(refused.code).inc()
            await problem(send, refused.status, refused.code)
        except StoreFailed:
            metrics.UPGRADES.labels("try_again").inc()
            await problem(send, 503, "try_again", headers=[(b"retry-after", b"2")])
        else:
            metrics.UPGRADES.labels(verdict or "saved").inc()
            if verdict is None:
                await respond(send, 204)
            else:
                await respond(send, 200, encode_verdict(verdict), [_JSON, _PRIVATE])

    async def _answer(self, scope: Scope, receive: Receive) -> Verdict | None:
        """None: settings were saved. :raises Refused, StoreFailed: no."""
        if scope["method"] != "POST":
            raise Refused(405, "method_not_allowed")
        if not self._asked.take(self._addresses.of(scope)):
            raise Refused(429, "too_many")
        order, _, part = scope["path"].removeprefix(PREFIX).partition("/")
        if part not in {"", CONFIGURATION}:
            raise Refused(404, "not_found")

        def verify(key: bytes, command: uuid.UUID, body: bytes, proof: bytes) -> bool:
            return signing.verify_firmware(
                key, command, method="POST", part=part, body=body, signature=proof
            )

        request = await read_signed(
            self._domain,
            scope,
            receive,
            order=order,
            most=MAX_CONFIGURATION_BYTES if part else MAX_REPORT_BYTES,
            verify=verify,
        )
        of = (request.bridge_id, request.command)
        if not part:
            return await self._judge(*of, request.body)
        await self._keep(*of, request.body)
        return None

    async def _judge(self, bridge: uuid.UUID, order: uuid.UUID, body: bytes) -> Verdict:
        try:
            report = read_report(body)
        except Nonsense:
            raise Refused(422, "no_report") from None
        verdict = await self._upgrades.verdict(bridge, order, report)
        if verdict is Verdict.UNKNOWN:
            raise Refused(404, "not_found")
        return verdict

    async def _keep(self, bridge: uuid.UUID, order: uuid.UUID, body: bytes) -> None:
        try:
            text = read_configuration(body)
        except Nonsense:
            raise Refused(422, "no_configuration") from None
        if not await self._upgrades.keep_configuration(bridge, order, text):
            raise Refused(404, "not_found")
