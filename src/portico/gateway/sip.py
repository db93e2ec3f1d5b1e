"""A SIP registrar over UDP, for presence and inventory: no calls pass through it.

The embedded installation has no Kamailio; units in direct mode still register, which is
the one sign of life that they give every minute (RFC 3261 section 10, Digest of RFC
2617). Nonces are stateless: a time and its HMAC over the sender's address.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import structlog

from portico.gateway import metrics
from portico.gateway.domain import Domain, PresenceVia, SipTarget, StoreFailed
from portico.gateway.limits import Buckets
from portico.gateway.presence import PresenceCollector
from portico.protocols import digest, sip

log = structlog.get_logger(__name__)

REALM = "portico"
# Units are told this; half of it is their refresh, well inside the 80 s of presence.
LIFETIME_SECONDS = 60
# Long enough for one retransmission cycle (64 * T1), short enough not to be collected.
NONCE_SECONDS = 60
_ACCOUNT_SECONDS = 30.0
_MOST_ACCOUNTS = 100_000
_FAILURES_PER_SECOND, _FAILURES_BURST = 0.5, 30.0

_CONTACT = re.compile(r"<(sip:[^\s<>\"]{1,255})>")
_DOMAIN = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a registered unit is reached, and under which name it knows us."""

    address: Address
    uri: str
    domain: str
    until: float


def _contact(message: sip.SipMessage, addr: Address, number: str) -> Contact:
    found = _CONTACT.search(message.get("Contact"))
    domain = message.uri.removeprefix("sip:")
    return Contact(
        address=addr,
        uri=found[1] if found else f"sip:{number}@{addr[0]}:{addr[1]}",
        domain=domain if _DOMAIN.fullmatch(domain) else REALM,
        until=time.monotonic() + LIFETIME_SECONDS,
    )


class Registrar(asyncio.DatagramProtocol):
    """Answers REGISTER and OPTIONS; keep-alives of registered units count as contact.

    ``on_came`` is told of each unit that registers anew or from elsewhere, ``on_answer``
    of each answer to a request of ours.
    """

    def __init__(self, domain: Domain, presence: PresenceCollector) -> None:
        self._domain = domain
        self._presence = presence
        self._key = secrets.token_bytes(32)
        self._transport: asyncio.DatagramTransport | None = None
        self._lost = asyncio.Event()
        self._accounts: OrderedDict[str, tuple[float, SipTarget]] = OrderedDict()
        # Where a unit registered from, for the keep-alives that carry no name.
        self._bound: OrderedDict[Address, tuple[float, int]] = OrderedDict()
        self._contacts: OrderedDict[int, Contact] = OrderedDict()
        self.on_came: Callable[[int], None] = lambda _device_id: None
        self.on_answer: Callable[[sip.SipMessage, Address], None] = lambda _m, _a: None
        self._failures = Buckets(_FAILURES_PER_SECOND, _FAILURES_BURST)
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> None:
        """Bind the UDP port. :raises OSError: it is taken."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))

    async def close(self) -> None:
        """Free the port."""
        if self._transport is not None:
            self._transport.close()
            await self._lost.wait()

    @property
    def own_address(self) -> Address:
        """Where answers to our requests come back to, as far as we know."""
        if self._transport is None:
            return ("127.0.0.1", 0)
        host, port = self._transport.get_extra_info("sockname")[:2]
        return host, port

    @property
    def has_contacts(self) -> bool:
        """Whether any unit has registered here."""
        return bool(self._contacts)

    def contact(self, device_id: int) -> Contact | None:
        """Where a unit is reached that is registered here now."""
        found = self._contacts.get(device_id)
        return found if found is not None and found.until > time.monotonic() else None

    def send(self, data: bytes, address: Address) -> None:
        """Send a request of ours to a registered unit."""
        if self._transport is not None:
            self._transport.sendto(data, address)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._lost.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # No isinstance: asyncio's own datagram transport is no DatagramTransport.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if not data.strip():
            self._kept_alive(addr)
            return
        try:
            message = sip.parse(data)
        except sip.BadSip:
            metrics.REGISTRATIONS.labels("garbled").inc()
            return
        if message.method == "REGISTER":
            task = asyncio.create_task(self._register(message, addr))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif message.method == "OPTIONS":
            self._answer(message, addr, 200, "OK")
        elif message.method and message.method != "ACK":
            # Calls are the SIP engine's, which this installation does not have.
            self._answer(message, addr, 501, "Not Implemented")
        elif message.status:
            self.on_answer(message, addr)

    def _answer(
        self,
        request: sip.SipMessage,
        addr: Address,
        status: int,
        reason: str,
        *extra: sip.Header,
    ) -> None:
        if self._transport is None:
            return
        reply = sip.answer_to(
            request, status, reason, tag=secrets.token_hex(5), extra=extra
        )
        self._transport.sendto(reply.encode(), addr)

    def _kept_alive(self, addr: Address) -> None:
        bound = self._bound.get(addr)
        if bound is not None and bound[0] > time.monotonic():
            self._presence.heard(bound[1], PresenceVia.SIP)

    async def _register(self, message: sip.SipMessage, addr: Address) -> None:
        if not self._failures.has(addr[0]):
            metrics.REGISTRATIONS.labels("too_many").inc()
            return
        scheme, fields = digest.parse_header(message.get("Authorization"))
        if scheme != "digest" or not self._is_fresh(fields.get("nonce", ""), addr):
            self._challenge(message, addr)
            return
        try:
            target = await self._target(fields.get("username", ""))
        except StoreFailed:
            self._answer(message, addr, 503, "Try Again", ("Retry-After", "5"))
            return
        if target is None or not self._is_right(message, fields, target):
            metrics.REGISTRATIONS.labels("refused").inc()
            self._failures.take(addr[0])
            self._answer(message, addr, 403, "Forbidden")
            return
        self._accept(message, addr, target)

    def _challenge(self, message: sip.SipMessage, addr: Address) -> None:
        value = f'Digest realm="{REALM}", nonce="{self._nonce(addr)}", algorithm=MD5'
        self._answer(message, addr, 401, "Unauthorized", ("WWW-Authenticate", value))

    def _nonce(self, addr: Address, at: int | None = None) -> str:
        moment = int(time.time()) if at is None else at
        text = f"{moment:x}.{addr[0]}.{addr[1]}".encode()
        mark = hmac.new(self._key, text, hashlib.sha256).hexdigest()[:24]
        return f"{moment:x}.{mark}"

    def _is_fresh(self, nonce: str, addr: Address) -> bool:
        try:
            moment = int(nonce.partition(".")[0], 16)
        except ValueError:
            return False
        is_ours = hmac.compare_digest(
            nonce.encode(), self._nonce(addr, moment).encode()
        )
        return is_ours and time.time() - moment <= NONCE_SECONDS

    @staticmethod
    def _is_right(
        message: sip.SipMessage, fields: dict[str, str], target: SipTarget
    ) -> bool:
        named = f"sip:{target.number}@"
        if named not in message.get("To") or fields.get("realm") != REALM:
            return False
        if fields.get("uri") != message.uri:
            return False
        wanted = digest.response(fields, method="REGISTER", password=target.password)
        return hmac.compare_digest(wanted.encode(), fields.get("response", "").encode())

    def _accept(
        self, message: sip.SipMessage, addr: Address, target: SipTarget
    ) -> None:
        leaves = message.get("Expires") == "0" or ";expires=0" in message.get("Contact")
        metrics.REGISTRATIONS.labels("left" if leaves else "accepted").inc()
        if leaves:
            self._bound.pop(addr, None)
            self._contacts.pop(target.device_id, None)
            self._answer(message, addr, 200, "OK")
            return
        self._bound[addr] = (time.monotonic() + LIFETIME_SECONDS, target.device_id)
        self._bound.move_to_end(addr)
        if len(self._bound) > _MOST_ACCOUNTS:
            self._bound.popitem(last=False)
        self._keep_contact(target, _contact(message, addr, target.number))
        self._presence.heard(target.device_id, PresenceVia.SIP)
        contact = message.get("Contact").partition(";")[0]
        self._answer(
            message,
            addr,
            200,
            "OK",
            ("Contact", f"{contact};expires={LIFETIME_SECONDS}"),
            ("Expires", str(LIFETIME_SECONDS)),
        )

    def _keep_contact(self, target: SipTarget, contact: Contact) -> None:
        before = self.contact(target.device_id)
        self._contacts[target.device_id] = contact
        self._contacts.move_to_end(target.device_id)
        if len(self._contacts) > _MOST_ACCOUNTS:
            self._contacts.popitem(last=False)
        if before is None or before.address != contact.address:
            self.on_came(target.device_id)

    async def _target(self, number: str) -> SipTarget | None:
        if not (number.isascii() and number.isdigit() and len(number) <= 15):
            return None
        known = self._accounts.get(number)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        target = await self._domain.sip_target(number)
        if target is not None:
            self._accounts[number] = (time.monotonic() + _ACCOUNT_SECONDS, target)
            if len(self._accounts) > _MOST_ACCOUNTS:
                self._accounts.popitem(last=False)
        return target
