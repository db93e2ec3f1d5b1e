"""Looking for units at a range of the home's addresses, when somebody asks for it.

Each address is asked one thing, without an account: who it is. Nothing else is told to
whatever answers there, and connections are our own, so that no door waits behind them.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import structlog

from portico.bridge.address import LanAddress, lan_host
from portico.bridge.device_http import (
    Account,
    Answer,
    DeviceHttp,
    NoAnswer,
    Unreachable,
    lan_session,
)
from portico.bridge.errors import OpeningFailed
from portico.bridge.finds import Finds
from portico.bridge.lan import Lan
from portico.bridge.limits import (
    SCAN_AT_ONCE,
    SCAN_BODY,
    SCAN_CONNECT,
    SCAN_PORT,
    SCAN_TOTAL,
)
from portico.kernel.mac import InvalidMac, parse_mac
from portico.protocols.akuvox import local_api
from portico.protocols.akuvox.local_api import DeviceError, Dialect, SystemInfo
from portico.protocols.bridge.fields import Nonsense
from portico.protocols.bridge.scan import ANSWERED, NAMELESS, NEW, read_scan

log = structlog.get_logger()

# The system's list of neighbours (Linux); elsewhere nobody's MAC is learnt that way.
ARP_TABLE: Final = Path("/proc/net/arp")
# The vendor's own blocks at the IEEE.
_VENDOR: Final = ("0C1105", "B01F81")
# Both spellings are seen; other machines have other realms.
_REALM: Final = re.compile(r'realm="HTTP ?API"', re.IGNORECASE)
_LONGEST_NAME: Final = 31


@dataclass(frozen=True, slots=True)
class _Seen:
    """Who answers at an address; without a MAC only that a unit does."""

    address: str
    mac: str = ""
    model: str = ""
    firmware: str = ""


@dataclass(slots=True)
class Scans:
    """One look at a time; a second is refused until the first is over."""

    lan: Lan
    finds: Finds
    _is_running: bool = field(default=False, init=False)
    _is_ending: bool = field(default=False, init=False)

    async def run(self, data: Mapping[str, Any]) -> dict[str, int]:
        """Ask the addresses of a ``scan_network`` command; the counts for its result.

        Units that are not of the roster become finds.

        :raises OpeningFailed: ``bad_command``, ``overloaded``: a look is under way, or
            ``unknown_outcome``: the bridge is about to end.
        """
        try:
            addresses = [str(each) for each in read_scan(data)]
        except Nonsense as error:
            raise OpeningFailed("bad_command") from error
        if self._is_running:
            raise OpeningFailed("overloaded")
        self._is_running = True
        try:
            seen = await self._look(addresses)
        finally:
            self._is_running = False
        if self._is_ending:
            raise OpeningFailed("unknown_outcome")
        return self._counted(seen)

    def stop(self) -> None:
        """Ask nobody else: the program ends."""
        self._is_ending = True

    async def _look(self, addresses: list[str]) -> list[_Seen]:
        # What is watched anyway is not disturbed.
        watched = self.lan.online_hosts()
        known = [_Seen(a, watched[a]) for a in addresses if a in watched]
        turn = asyncio.Semaphore(SCAN_AT_ONCE)
        async with lan_session() as session:

            async def ask(address: str) -> _Seen | None:
                async with turn:
                    if self._is_ending or not _is_askable(address):
                        return None
                    return await self._ask(session, address)

            asked = [ask(address) for address in addresses if address not in watched]
            found = await asyncio.gather(*asked)
        return known + [each for each in found if each is not None]

    async def _ask(self, session: aiohttp.ClientSession, address: str) -> _Seen | None:
        nobody = ("", "")
        place = LanAddress(address, SCAN_PORT)
        device = DeviceHttp(session, place, api=nobody, opening=nobody)
        try:
            answer = await device.send(
                local_api.system_info(),
                Account.NONE,
                connect=SCAN_CONNECT,
                total=SCAN_TOTAL,
                most=SCAN_BODY,
            )
        except (Unreachable, NoAnswer):
            return None
        neighbour = _neighbour(address)
        is_ours = neighbour.startswith(_VENDOR) or self.lan.unit(neighbour) is not None
        info = _told(answer)
        if info is not None:
            return _Seen(address, info.mac, info.model, info.firmware)
        if is_ours:
            return _Seen(address, neighbour)
        return _Seen(address) if _is_locked_unit(answer, neighbour) else None

    def _counted(self, seen: list[_Seen]) -> dict[str, int]:
        by_mac = {each.mac: each for each in seen if each.mac}
        new = [each for mac, each in by_mac.items() if self.lan.unit(mac) is None]
        for each in new:
            self.finds.note(
                each.mac,
                model=each.model[:_LONGEST_NAME],
                version=each.firmware[:_LONGEST_NAME],
                address=each.address,
            )
        nameless = sum(not each.mac for each in seen)
        counts = {
            ANSWERED: len(by_mac) + nameless,
            NEW: len(new),
            NAMELESS: nameless,
        }
        log.info("scan.done", **counts)
        return counts


def _told(answer: Answer) -> SystemInfo | None:
    """What an open API says of its unit."""
    if local_api.identify(answer.status, answer.headers) != Dialect.API_OPEN:
        return None
    try:
        return local_api.read_system_info(answer.status, answer.body)
    except DeviceError:
        return None


def _is_locked_unit(answer: Answer, neighbour: str) -> bool:
    """Whether a unit of whom no MAC is known says by its answer what it is.

    :param neighbour: the MAC of whatever answered, if the system knows it.
    """
    dialect = local_api.identify(answer.status, answer.headers)
    if dialect in {Dialect.API_DIGEST, Dialect.API_BASIC}:
        return bool(_REALM.search(answer.headers.get("www-authenticate", "")))
    # Routers and disk stations lead to HTTPS as well; theirs is another vendor's MAC.
    return dialect == Dialect.WEB_SPA and not neighbour


def _is_askable(address: str) -> bool:
    """Whether ``address`` is a machine's of the home, and not our own."""
    if lan_host(address) is None:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting UDP sends nothing; it only asks the routing table.
            probe.connect((address, SCAN_PORT))
        except OSError:  # no way there, or a broadcast address
            return False
        return bool(probe.getsockname()[0] != address)


def _neighbour(address: str) -> str:
    """The MAC behind an address that has just been asked; empty when nobody knows."""
    try:
        table = ARP_TABLE.read_text()
    except OSError:
        return ""
    # "IP address, HW type, Flags, HW address, Mask, Device"; flags 0x0: nobody answered.
    for line in table.splitlines()[1:]:
        words = line.split()
        if len(words) >= 4 and words[0] == address and words[2] != "0x0":
            try:
                return parse_mac(words[3])
            except InvalidMac:
                return ""
    return ""
