"""The unit's SIP user agent: registers over UDP and answers a server's requests.

RFC 3261 with Digest of RFC 2617. Known of the devices: accounts and keys, user agent,
CRLF keep-alive, ``Allow`` (VI). ``NOTIFY`` with ``check-sync`` starts AutoP, and an
indoor monitor keeps the text of a ``MESSAGE`` (RFC 3428): that real units do either is
not proven on hardware. There is no media: calls are refused.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import Final

from portico.protocols import digest
from portico.protocols.sip import (
    BadSip,
    Header,
    SipMessage,
    answer_to,
    granted_seconds,
    parse,
)
from portico.simulator.actions import user_agent
from portico.simulator.catalogue import Kind
from portico.simulator.core import logger
from portico.simulator.factory import AUTOP
from portico.simulator.state import MAX_MESSAGES
from portico.simulator.unit import Unit

ALLOW: Final = (
    "INVITE, ACK, CANCEL, BYE, INFO, PRACK, OPTIONS, NOTIFY, SUBSCRIBE, REFER, UPDATE, "
    "MESSAGE"
)
# RFC 3261 timers of a non-INVITE transaction: T1, T2 and 64 x T1.
T1_SECONDS: Final = 0.5
T2_SECONDS: Final = 4.0
TRANSACTION_SECONDS: Final = 32.0
# After a failure; real units use 30 to 60 s. Jittered, so that a fleet does not storm.
RETRY_SECONDS: Final = 30.0
SHORTEST_LIFETIME: Final = 10
DEFAULT_LIFETIME: Final = 1800
DEFAULT_KEEP_ALIVE: Final = 30
_UDP: Final = "0"
# Status of an account in system/info.
OFF, REGISTERING, REGISTERED, FAILED = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Account:
    """One SIP account as it is configured."""

    user: str
    auth_user: str
    password: str
    display: str
    server: str
    port: int
    lifetime: int
    keep_alive: int


class SipAgent:
    """Keeps account 1 registered while the unit is online and the account enabled."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._prefix = f"{unit.model.account_prefix(1)}."
        self._transport: asyncio.DatagramTransport | None = None
        self._task: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[SipMessage]] = {}
        self._call_id = secrets.token_hex(12)
        self._sequence = 0
        self._tag = secrets.token_hex(5)
        unit.core.settings.on_change(self._changed)

    def start(self) -> None:
        """Begin to register, if there is an account to register."""
        account = self._account()
        if account is not None and self._task is None:
            self._task = self._unit.core.spawn(self._run(account))

    async def stop(self) -> None:
        """Stop without a word, as a unit does that loses its power."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._unit.registration = OFF

    def _changed(self, keys: frozenset[str]) -> None:
        if self._unit.core.online and any(k.startswith(self._prefix) for k in keys):
            self._unit.core.spawn(self._restart())

    async def _restart(self) -> None:
        await self.stop()
        if self._unit.core.online:
            self.start()

    def _account(self) -> Account | None:
        settings, prefix = self._unit.core.settings, self._prefix
        server = settings[f"{prefix}SIP.Server"]
        user = settings[f"{prefix}GENERAL.UserName"]
        if not (settings.flag(f"{prefix}GENERAL.Enable") and server and user):
            return None
        if self._unit.firmware.has_lost_sip:
            self._unit.registration = FAILED
            return None
        if settings[f"{prefix}SIP.TransType"] not in ("", _UDP):
            logger.warning("%s: only SIP over UDP is simulated", self._unit.mac)
            self._unit.registration = FAILED
            return None
        keep = settings.number(f"{prefix}NAT.UdpKeepInterval", DEFAULT_KEEP_ALIVE)
        return Account(
            user=user,
            auth_user=settings[f"{prefix}GENERAL.AuthName"] or user,
            password=settings[f"{prefix}GENERAL.Pwd"],
            display=settings[f"{prefix}GENERAL.DisplayName"],
            server=server,
            port=settings.number(f"{prefix}SIP.Port", 5060),
            lifetime=settings.number(f"{prefix}REG.Timeout", DEFAULT_LIFETIME),
            keep_alive=keep if settings.flag(f"{prefix}NAT.UdpKeepEnable") else 0,
        )

    async def _run(self, account: Account) -> None:
        try:
            while True:
                lifetime = await self._register(account)
                self._note(REGISTERED if lifetime else FAILED)
                if lifetime:
                    await self._keep_alive(account, lifetime / 2)
                else:
                    jitter = self._unit.core.world.rng.uniform(0.5, 1.5)
                    await asyncio.sleep(RETRY_SECONDS * jitter)
        finally:
            if self._transport is not None:
                self._transport.close()
                self._transport = None

    async def _keep_alive(self, account: Account, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            await asyncio.sleep(min(left, account.keep_alive or left))
            if account.keep_alive and self._transport is not None:
                self._transport.sendto(b"\r\n\r\n")

    async def _register(self, account: Account) -> int:
        """The granted lifetime in seconds, 0 when it failed."""
        if self._unit.registration != REGISTERED:
            self._unit.registration = REGISTERING
        lifetime = max(account.lifetime, SHORTEST_LIFETIME)
        request = self._request(account, lifetime)
        try:
            response = await self._ask(account, request)
            if response.status in (401, 407):
                request = self._authorised(account, request, response)
                response = await self._ask(account, request)
            if response.status == 423:
                lifetime = int(response.get("Min-Expires") or lifetime)
                request = self._request(account, lifetime)
                response = await self._ask(account, request)
                if response.status in (401, 407):
                    request = self._authorised(account, request, response)
                    response = await self._ask(account, request)
        except (OSError, TimeoutError, ValueError) as error:
            logger.info("%s: SIP registration: %s", self._unit.mac, error)
            return 0
        if response.status != 200:
            logger.info("%s: SIP registration: %s", self._unit.mac, response.status)
            return 0
        return max(granted_seconds(response, lifetime), SHORTEST_LIFETIME)

    def _request(self, account: Account, lifetime: int) -> SipMessage:
        self._sequence += 1
        domain = account.server
        address = f"<sip:{account.user}@{domain}>"
        shown = f'"{account.display}" {address}' if account.display else address
        headers: list[Header] = [
            ("Via", ""),
            ("Max-Forwards", "70"),
            ("From", f"{shown};tag={self._tag}"),
            ("To", address),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._sequence} REGISTER"),
            ("Contact", ""),
            ("Expires", str(lifetime)),
            ("Allow", ALLOW),
            ("User-Agent", self._user_agent()),
        ]
        return SipMessage(tuple(headers), method="REGISTER", uri=f"sip:{domain}")

    def _authorised(
        self, account: Account, request: SipMessage, refused: SipMessage
    ) -> SipMessage:
        is_proxy = refused.status == 407
        token = digest.answer(
            refused.get("Proxy-Authenticate" if is_proxy else "WWW-Authenticate"),
            method="REGISTER",
            uri=request.uri,
            user=account.auth_user,
            password=account.password,
        )
        if token is None:
            raise ValueError("the challenge cannot be answered")
        self._sequence += 1
        name = "Proxy-Authorization" if is_proxy else "Authorization"
        headers = [
            (k, f"{self._sequence} REGISTER" if k == "CSeq" else v)
            for k, v in request.headers
        ]
        return replace(request, headers=(*headers, (name, token)))

    async def _ask(self, account: Account, request: SipMessage) -> SipMessage:
        """Send with retransmissions until a final response.

        :raises TimeoutError: none came.
        """
        transport = await self._open(account)
        host, port = transport.get_extra_info("sockname")[:2]
        branch = f"z9hG4bK{secrets.token_hex(8)}"
        filled = {
            "Via": f"SIP/2.0/UDP {host}:{port};branch={branch};rport",
            "Contact": f"<sip:{account.user}@{host}:{port}>",
        }
        headers = tuple((k, filled.get(k, v)) for k, v in request.headers)
        datagram = replace(request, headers=headers).encode()
        future: asyncio.Future[SipMessage] = asyncio.get_running_loop().create_future()
        self._answers[branch] = future
        wait = T1_SECONDS
        try:
            async with asyncio.timeout(TRANSACTION_SECONDS):
                while True:
                    transport.sendto(datagram)
                    done, _pending = await asyncio.wait({future}, timeout=wait)
                    if done:
                        return future.result()
                    wait = min(wait * 2, T2_SECONDS)
        finally:
            del self._answers[branch]

    async def _open(self, account: Account) -> asyncio.DatagramTransport:
        if self._transport is None or self._transport.is_closing():
            loop = asyncio.get_running_loop()
            self._transport, _protocol = await loop.create_datagram_endpoint(
                lambda: _Protocol(self), remote_addr=(account.server, account.port)
            )
        return self._transport

    def received(self, datagram: bytes) -> None:
        """A datagram came; keep-alives and nonsense are dropped."""
        if not datagram.strip(b"\r\n\0"):
            return
        try:
            message = parse(datagram)
        except BadSip:
            return
        if message.status:
            self._take_response(message)
        elif self._transport is not None and message.method != "ACK":
            self._transport.sendto(self._answer(message).encode())

    def _take_response(self, response: SipMessage) -> None:
        via = response.get("Via")
        branch = via.partition("branch=")[2].partition(";")[0]
        future = self._answers.get(branch)
        if future is not None and response.status >= 200 and not future.done():
            future.set_result(response)

    def _answer(self, request: SipMessage) -> SipMessage:
        extra = [("User-Agent", self._user_agent()), ("Allow", ALLOW)]
        match request.method:
            case "OPTIONS" | "INFO":
                status, reason = 200, "OK"
            case "MESSAGE":
                status, reason = self._texted(request)
            case "NOTIFY":
                status, reason = self._notified(request)
            case "INVITE" if self._unit.calls.busy:
                status, reason = 486, "Busy Here"
            case "INVITE":
                status, reason = 488, "Not Acceptable Here"
            case "BYE" | "CANCEL":
                status, reason = 481, "Call/Transaction Does Not Exist"
            case _:
                status, reason = 405, "Method Not Allowed"
        return answer_to(request, status, reason, tag=self._tag, extra=extra)

    def _notified(self, request: SipMessage) -> tuple[int, str]:
        event = request.get("Event").partition(";")[0].strip().lower()
        if event != "check-sync":
            return 489, "Bad Event"
        if self._unit.core.settings.flag(f"{AUTOP}GENERAL.CheckSync"):
            self._unit.autop.trigger()
        return 200, "OK"

    def _texted(self, request: SipMessage) -> tuple[int, str]:
        """An indoor monitor keeps the text; what it has already it does not keep twice."""
        if self._unit.model.kind is not Kind.INDOOR_MONITOR:
            return 200, "OK"
        kind = request.get("Content-Type").partition(";")[0].strip().lower()
        if kind != "text/plain":
            return 415, "Unsupported Media Type"
        core = self._unit.core
        name = f"{request.get('Call-ID')} {request.get('CSeq')}"
        if all(known["SipId"] != name for known in core.state.messages):
            now = core.local_now()
            core.state.messages.append(
                {
                    "ID": core.state.next_id("message"),
                    "Date": now.strftime("%Y-%m-%d"),
                    "Time": now.strftime("%H:%M:%S"),
                    "From": request.get("From"),
                    "Text": request.body,
                    "SipId": name,
                }
            )
            del core.state.messages[:-MAX_MESSAGES]
            core.touch()
        return 200, "OK"

    def _user_agent(self) -> str:
        own = self._unit.core.settings[f"{self._prefix}GENERAL.UserAgent"]
        return own or user_agent(self._unit.core)

    def _note(self, status: int) -> None:
        before = self._unit.registration
        self._unit.registration = status
        if status == REGISTERED and before != REGISTERED:
            self._unit.actions.fire("Registered")
        if status == FAILED:
            self._unit.actions.fire("RegisterFailed")


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, agent: SipAgent) -> None:
        self._agent = agent

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        self._agent.received(data)
