"""Plug and play: telling the roster's units where their configuration is.

Whoever can send datagrams on this network can ask for a unit's address by its MAC; that
is how the units' protocol is. So only private sources are answered, none whose unit is
at work elsewhere, few a second, and nothing is said to anybody outside the roster.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Final

import structlog

from portico.bridge.address import lan_address, lan_host
from portico.bridge.clock import ServerClock
from portico.bridge.finds import Finds
from portico.bridge.lan import Lan
from portico.bridge.limits import (
    PNP_AT_ONCE,
    PNP_BURST,
    PNP_DIALOGS,
    PNP_DROPS_LOGGED_EVERY,
    PNP_PER_SECOND,
    PNP_RESEND_AFTER,
)
from portico.protocols.akuvox import pnp
from portico.protocols.sip import BadSip, SipMessage, answer_to, parse

log = structlog.get_logger()

# A unit's request has some 700 bytes.
_MAX_DATAGRAM: Final = 4096
# The system chooses the network.
ANY: Final = "0.0.0.0"  # noqa: S104  # a group is heard on whichever network there is
_Peer = tuple[str, int]


@dataclass(frozen=True, slots=True)
class PnpSettings:
    """Where to listen; ``interface`` is one of our addresses, or ``ANY``."""

    address: tuple[str, int] = pnp.GROUP
    interface: str = ANY


class Pnp:
    """Hears requests on one socket, and answers and is answered on another.

    The first is bound to the group's address: a SIP server on this box may keep 5060.
    """

    def __init__(self, lan: Lan, finds: Finds, clock: ServerClock) -> None:
        self._lan = lan
        self._finds = finds
        self._clock = clock
        self._ear: asyncio.DatagramTransport | None = None
        self._mouth: asyncio.DatagramTransport | None = None
        self._answered: dict[str, asyncio.Future[int]] = {}
        # Who has been answered, with the tag of that answer.
        self._dialogs: OrderedDict[tuple[str, ...], str] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._dropped: Counter[str] = Counter()
        self._drops_logged_at = float("-inf")
        self._tokens, self._counted_at = PNP_BURST, clock.monotonic()

    async def start(self, settings: PnpSettings) -> None:
        """Listen; where that cannot be, say so and go on without."""
        loop = asyncio.get_running_loop()
        address = f"{settings.address[0]}:{settings.address[1]}"
        try:
            ear = _listening(settings)
            address = "{}:{}".format(*ear.getsockname())
            self._ear, _ = await loop.create_datagram_endpoint(
                lambda: _Ear(self), sock=ear
            )
            self._mouth, _ = await loop.create_datagram_endpoint(
                lambda: _Mouth(self), local_addr=(settings.interface, 0)
            )
        except OSError as error:
            await self.stop()
            log.warning(
                "pnp.not_listening",
                address=address,
                cause=error.strerror,
                hint="units must be given their address by hand; see --pnp, --no-pnp",
            )
            return
        log.info("pnp.listening", address=address)

    async def stop(self) -> None:
        for transport in (self._ear, self._mouth):
            if transport is not None:
                transport.close()
        self._ear = self._mouth = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def asked(self, datagram: bytes, peer: _Peer) -> None:
        """Somebody has said something to everybody."""
        if lan_host(peer[0]) is None:
            self._drop("not_private")
        elif not self._may_look():
            self._drop("flood")
        elif len(datagram) > _MAX_DATAGRAM:
            self._drop("malformed")
        else:
            try:
                asked = pnp.read_subscribe(parse(datagram))
            except (BadSip, pnp.BadPnp):
                self._drop("malformed")
            else:
                self._take(asked, peer)

    def answered(self, datagram: bytes) -> None:
        """A unit has heard what it was told, or does not want it."""
        try:
            message = parse(datagram[:_MAX_DATAGRAM])
        except BadSip:
            self._drop("malformed")
            return
        branch = message.get("Via").partition("branch=")[2].partition(";")[0]
        waiting = self._answered.get(branch)
        if waiting is not None and message.status >= 200 and not waiting.done():
            waiting.set_result(message.status)

    def _take(self, asked: pnp.Subscription, peer: _Peer) -> None:
        unit = self._lan.unit(asked.mac)
        if unit is None:
            self._finds.note(
                asked.mac, model=asked.model, version=asked.version, address=peer[0]
            )
            log.info("pnp.unknown", mac=asked.mac, address=peer[0])
            return
        known = lan_address(unit.presence().address or "")
        if unit.is_online and known is not None and known.host != peer[0]:
            log.warning("pnp.elsewhere", mac=asked.mac, address=peer[0])
            return
        url = unit.device.provisioning
        if url is None or len(self._tasks) >= PNP_AT_ONCE:
            return
        name = (peer[0], str(peer[1]), *asked.dialog)
        tag = self._dialogs.get(name)
        is_new = tag is None
        if tag is None:
            tag = self._dialogs[name] = secrets.token_hex(5)
            if len(self._dialogs) > PNP_DIALOGS:
                self._dialogs.popitem(last=False)
        self._send(answer_to(asked.request, 200, "OK", tag=tag), peer)
        if is_new:
            task = asyncio.create_task(self._tell(asked, url, tag, peer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(
        self, asked: pnp.Subscription, url: str, tag: str, peer: _Peer
    ) -> None:
        """Send the address until the unit has answered, a few times at most."""
        if self._mouth is None:
            return
        branch = f"z9hG4bK{secrets.token_hex(8)}"
        told = pnp.notify(
            asked,
            url,
            host=_own_address(peer),
            port=self._mouth.get_extra_info("sockname")[1],
            tag=tag,
            branch=branch,
        )
        waiting: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._answered[branch] = waiting
        try:
            for pause in PNP_RESEND_AFTER:
                self._send(told, peer)
                await asyncio.wait({waiting}, timeout=pause)
                if waiting.done():
                    break
        finally:
            del self._answered[branch]
        status = waiting.result() if waiting.done() else 0
        log.info("pnp.told", mac=asked.mac, address=peer[0], answer=status)

    def _send(self, message: SipMessage, peer: _Peer) -> None:
        if self._mouth is not None:
            self._mouth.sendto(message.encode(), peer)

    def _may_look(self) -> bool:
        now = self._clock.monotonic()
        earned = (now - self._counted_at) * PNP_PER_SECOND
        self._tokens, self._counted_at = min(PNP_BURST, self._tokens + earned), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _drop(self, why: str) -> None:
        self._dropped[why] += 1
        now = self._clock.monotonic()
        if now - self._drops_logged_at >= PNP_DROPS_LOGGED_EVERY:
            self._drops_logged_at = now
            log.warning("pnp.dropped", **self._dropped)
            self._dropped.clear()


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, service: Pnp) -> None:
        self._service = service

    def datagram_received(self, data: bytes, addr: _Peer) -> None:
        self._service.asked(data, addr)


class _Mouth(asyncio.DatagramProtocol):
    def __init__(self, service: Pnp) -> None:
        self._service = service

    def datagram_received(self, data: bytes, addr: _Peer) -> None:
        del addr
        self._service.answered(data)


def _listening(settings: PnpSettings) -> socket.socket:
    """:raises OSError: the address is in use, not ours, or no network takes part."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        packed = socket.inet_aton(settings.address[0])
        if 224 <= packed[0] <= 239:
            # Several programs may listen to a group; each hears everything.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(settings.address)
        if 224 <= packed[0] <= 239:
            interface = socket.inet_aton(settings.interface)
            request = struct.pack("4s4s", packed, interface)
            made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
        made.setblocking(False)  # noqa: FBT003  # the socket API
    except OSError:
        made.close()
        raise
    return made


def _own_address(peer: _Peer) -> str:
    """The address of ours that ``peer`` sees."""
    # Connecting UDP sends nothing; it only asks the routing table.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(peer)
        return str(probe.getsockname()[0])
