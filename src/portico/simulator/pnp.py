"""The unit's plug and play: asking the network for its provisioning address.

Known: the group, the request's form, the answer's form, ``PNP.Enable`` (1 when new).
Assumed: that a unit asks at every start for which it has no address, that it repeats as
RFC 3261 has it (T1 0.5 s to T2 4 s, for 32 s) and then stays quiet until the next.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from typing import Final, cast

from portico.protocols.akuvox import pnp
from portico.protocols.sip import BadSip, answer_to, parse
from portico.simulator.core import Core, logger
from portico.simulator.factory import AUTOP

ENABLE_KEY: Final = f"{AUTOP}PNP.Enable"
# RFC 3261 timers, real seconds.
T1_SECONDS: Final = 0.5
T2_SECONDS: Final = 4.0
TRANSACTION_SECONDS: Final = 32.0


class PnpClient:
    """Asks once per start; ``take`` is given the address."""

    def __init__(self, core: Core, take: Callable[[str], None]) -> None:
        self._core = core
        self._take = take
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Ask, if the unit may and the world has somebody to ask."""
        group = self._core.world.pnp
        if group is not None and self._core.settings.flag(ENABLE_KEY):
            self._task = self._core.spawn(self._ask(group))

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _ask(self, group: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        heard: asyncio.Future[str] = loop.create_future()
        try:
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Protocol(heard), local_addr=(_own_address(group), 0)
            )
        except OSError as error:
            logger.info("%s: PnP: %s", self._core.mac, error)
            return
        request = self._request(transport.get_extra_info("sockname")[:2], group)
        try:
            async with asyncio.timeout(TRANSACTION_SECONDS):
                url = await _repeated(transport, request, group, heard)
        except TimeoutError:
            logger.info("%s: PnP: nobody answered", self._core.mac)
        else:
            self._take(url)
        finally:
            transport.close()

    def _request(self, address: tuple[str, int], group: tuple[str, int]) -> bytes:
        core = self._core
        return pnp.subscribe(
            mac=core.mac,
            model=core.model.name,
            version=core.state.firmware,
            address=address,
            group=group,
            tag=secrets.token_hex(5),
            call_id=secrets.token_hex(12),
            branch=f"z9hG4bK{secrets.token_hex(8)}",
        ).encode()


async def _repeated(
    transport: asyncio.DatagramTransport,
    request: bytes,
    group: tuple[str, int],
    heard: asyncio.Future[str],
) -> str:
    wait = T1_SECONDS
    while True:
        transport.sendto(request, group)
        await asyncio.wait({heard}, timeout=wait)
        if heard.done():
            return heard.result()
        wait = min(wait * 2, T2_SECONDS)


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, heard: asyncio.Future[str]) -> None:
        self._heard = heard
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11 makes its datagram transports of another class.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = parse(data)
            if message.status:
                return
            url = pnp.read_notify(message)
        except (BadSip, pnp.BadPnp):
            return
        if self._transport is not None:
            ok = answer_to(message, 200, "OK", tag=secrets.token_hex(5))
            self._transport.sendto(ok.encode(), addr)
        if not self._heard.done():
            self._heard.set_result(url)


def _own_address(group: tuple[str, int]) -> str:
    """The address from which the group is reached.

    :raises OSError: there is no network for it.
    """
    # Connecting UDP sends nothing; it only asks the routing table.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(group)
        return str(probe.getsockname()[0])
