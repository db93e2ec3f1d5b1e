"""Requests of a bridge beside its session: about one order, signed with its key."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from portico.gateway.domain import Domain
from portico.gateway.http import Receive, Scope, TooLarge, header, read_body
from portico.protocols.bridge import signing

# The bridge's public key, the order, the body and the signature: whether it is its own.
Verify = Callable[[bytes, uuid.UUID, bytes, bytes], bool]


class Refused(Exception):
    """The answer is no; ``code`` is that of the problem."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """Whose it is, which order it is about, and what it brings."""

    bridge_id: uuid.UUID
    command: uuid.UUID
    body: bytes


async def read_signed(
    domain: Domain,
    scope: Scope,
    receive: Receive,
    *,
    order: str,
    most: int,
    verify: Verify,
) -> SignedRequest:
    """``order`` is what the address names; the body has at most ``most`` bytes.

    :raises Refused: 404 for everything that is not this bridge's own, 413.
    :raises StoreFailed: nobody can tell now.
    """
    try:
        command = uuid.UUID(order)
        bridge_id = uuid.UUID(header(scope, b"portico-bridge"))
        signature = signing.from_base64url(header(scope, b"portico-signature"))
    except ValueError:
        raise Refused(404, "not_found") from None
    bridge = await domain.bridge(bridge_id)
    if bridge is None:
        raise Refused(404, "not_found")
    try:
        body = await read_body(receive, most)
    except TooLarge:
        raise Refused(413, "too_large") from None
    if not verify(bridge.public_key, command, body, signature):
        raise Refused(404, "not_found")
    return SignedRequest(bridge_id, command, body)
