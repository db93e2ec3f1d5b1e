"""Messages to indoor monitors: SIP MESSAGE (RFC 3428) to those registered here.

The row is the truth, the hint only wakes us: what is due and nobody's is claimed and
sent, with the retransmissions of RFC 3261. A retry has the same Call-ID, number and
branch, so that a unit can tell it from another message. That units show the text is not
verified on hardware; known is only that they name MESSAGE in ``Allow``.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from itertools import islice

import structlog

from portico.gateway import metrics
from portico.gateway.domain import Domain, MonitorMessage, StoreFailed
from portico.gateway.sip import Address, Contact, Registrar
from portico.protocols import sip

log = structlog.get_logger(__name__)

# A lost hint costs this much at the most.
POLL_SECONDS = 5.0
# Between two looks: what ends in between is looked for together.
GATHER_SECONDS = 0.2
# At a time; the socket is also the registrar's.
MOST_UNDER_WAY = 200
# A query's worth of monitors that have just registered.
_MOST_CAME = 500
# RFC 3261, 17.1.2: timers of a request that is no INVITE.
T1_SECONDS = 0.5
T2_SECONDS = 4.0
TRANSACTION_SECONDS = 64 * T1_SECONDS


def _branch(message: MonitorMessage) -> str:
    return f"z9hG4bK{message.call_id}"


class MonitorMessages:
    """Sends what waits for the monitors of one :class:`Registrar`."""

    def __init__(self, domain: Domain, registrar: Registrar) -> None:
        self._domain = domain
        self._registrar = registrar
        registrar.on_came = self._came
        registrar.on_answer = self._answered
        self._wake = asyncio.Event()
        self._just_came: set[int] = set()
        # Each monitor gets one after the other.
        self._busy: set[int] = set()
        self._answers: dict[str, tuple[str, asyncio.Future[int]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def hint(self, subject: str) -> None:
        """Somebody has written a message to monitors."""
        if subject == "messages.waiting":
            self._wake.set()

    def _came(self, device_id: int) -> None:
        self._just_came.add(device_id)
        self._wake.set()

    async def run(self) -> None:
        """Send what is due until cancelled."""
        try:
            while True:
                await self._pause()
                if self._registrar.has_contacts:
                    await self._look()
                await asyncio.sleep(GATHER_SECONDS)
        finally:
            for task in self._tasks:
                task.cancel()

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()
        self._wake.clear()

    async def _look(self) -> None:
        came = set(islice(self._just_came, _MOST_CAME))
        try:
            due = await self._domain.waiting_messages(came)
            self._just_came -= came
            wanted = self._chosen(due)
            claim = secrets.token_hex(8)
            found = await self._domain.claim_messages(wanted, claim) if wanted else []
        except StoreFailed as error:
            log.error("messages_not_claimed", error=str(error))
            metrics.DATABASE_FAULTS.labels("messages").inc()
            return
        for message in found:
            self._busy.add(message.device_id)
            task = asyncio.create_task(self._deliver(message, claim))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self._just_came:
            self._wake.set()

    def _chosen(self, due: dict[int, int]) -> list[int]:
        """One for each monitor that is registered here and has none under way."""
        room = MOST_UNDER_WAY - len(self._busy)
        first: dict[int, int] = {}
        for receipt_id, device_id in due.items():
            if len(first) >= room:
                break
            if device_id not in self._busy and self._registrar.contact(device_id):
                first.setdefault(device_id, receipt_id)
        return list(first.values())

    async def _deliver(self, message: MonitorMessage, claim: str) -> None:
        try:
            status = await self._ask(message)
            metrics.MESSAGES.labels(str(status) if status else "silent").inc()
            await self._domain.record_message(message.receipt_id, claim, status)
        except StoreFailed as error:  # it is sent again, with the same names
            log.error("message_not_noted", error=str(error))
            metrics.DATABASE_FAULTS.labels("messages").inc()
        finally:
            self._busy.discard(message.device_id)
            self._wake.set()

    async def _ask(self, message: MonitorMessage) -> int:
        """The status of the answer; 0: none came."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        branch, wait = _branch(message), T1_SECONDS
        try:
            async with asyncio.timeout(TRANSACTION_SECONDS):
                while True:
                    # Looked up each time: meanwhile it may have come back from elsewhere.
                    contact = self._registrar.contact(message.device_id)
                    if contact is not None:
                        self._answers[branch] = (contact.address[0], future)
                        datagram = self._request(message, contact).encode()
                        self._registrar.send(datagram, contact.address)
                    done, _waiting = await asyncio.wait({future}, timeout=wait)
                    if done:
                        return future.result()
                    wait = min(wait * 2, T2_SECONDS)
        except TimeoutError:
            return 0
        finally:
            self._answers.pop(branch, None)

    def _request(self, message: MonitorMessage, contact: Contact) -> sip.SipMessage:
        host, port = self._registrar.own_address
        headers: list[sip.Header] = [
            ("Via", f"SIP/2.0/UDP {host}:{port};branch={_branch(message)};rport"),
            ("Max-Forwards", "70"),
            ("From", f'"Portico" <sip:portico@{contact.domain}>;tag={message.call_id}'),
            ("To", f"<sip:{message.number}@{contact.domain}>"),
            ("Call-ID", message.call_id),
            ("CSeq", "1 MESSAGE"),
            ("Content-Type", "text/plain;charset=utf-8"),
        ]
        return sip.SipMessage(
            tuple(headers), method="MESSAGE", uri=contact.uri, body=message.text
        )

    def _answered(self, message: sip.SipMessage, address: Address) -> None:
        branch = message.get("Via").partition("branch=")[2].partition(";")[0]
        asked = self._answers.get(branch)
        if asked is None or asked[0] != address[0] or message.status < 200:
            return
        if not asked[1].done():
            asked[1].set_result(message.status)
