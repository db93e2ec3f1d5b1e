"""One device on the LAN: where it is, whether it answers, and opening its relays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import aiohttp
import structlog

from portico.bridge.address import LanAddress, lan_address
from portico.bridge.clock import ServerClock
from portico.bridge.device_http import (
    Account,
    Answer,
    DeviceHttp,
    NoAnswer,
    TooLate,
    Unreachable,
    Upload,
    failed,
)
from portico.bridge.errors import OpeningFailed
from portico.bridge.limits import (
    FAILURES_TO_OFFLINE,
    LAN_CONNECT,
    POLL_PATIENCE,
    VERIFIED_FOR,
)
from portico.bridge.openings import Openings
from portico.bridge.pictures import Camera
from portico.protocols.akuvox import local_api
from portico.protocols.akuvox.local_api import DeviceError, Request, SystemInfo
from portico.protocols.bridge.envelope import (
    DevicePresence,
    OpenRelay,
    RelayKind,
    RosterDevice,
)

log = structlog.get_logger()
_T = TypeVar("_T")
_Send = Callable[[DeviceHttp], Awaitable[Answer]]
# Known, listed and newest address.
_ADDRESSES: Final = 3
_REASONS: Final = {"garbled": "unknown_outcome", "not_safe": "rejected"}


@dataclass(frozen=True, slots=True)
class _Seen:
    """The right device answered here."""

    address: LanAddress
    info: SystemInfo
    rtt_ms: int
    at: float


class Unit:
    """Serialises everything that is sent to one device.

    An address counts only after ``GET /api/system/info`` there named the right MAC.
    """

    def __init__(
        self, device: RosterDevice, session: aiohttp.ClientSession, clock: ServerClock
    ) -> None:
        self.device = device
        self._session = session
        self._clock = clock
        self._lock = asyncio.Lock()
        self.openings = Openings()
        # What an opening does not wait for.
        self._lesser: set[asyncio.Task[None]] = set()
        self._seen: _Seen | None = None
        self._failures = 0
        self.last_failure = ""
        self._revision: str | None = None
        self._has_relay_api = True
        self._is_safe_only = False
        self._adopt(device)

    def _adopt(self, device: RosterDevice) -> None:
        self.device = device
        self._https: dict[LanAddress, DeviceHttp] = {}
        self._listed = None if device.address is None else lan_address(device.address)
        # What the roster says is news; later the device's own requests are newer.
        self._newest = self._listed

    def update(self, device: RosterDevice) -> None:
        """Take over a changed roster entry; what was seen stays until the next look."""
        if device != self.device:
            self._adopt(device)

    def learn(self, address: LanAddress) -> bool:
        """Note where an action URL came from; True if that is worth a look now."""
        self._newest = address
        known = self._seen is not None and self._seen.address == address
        return not (known and self.is_online)

    @property
    def is_online(self) -> bool:
        return self._seen is not None and self._failures < FAILURES_TO_OFFLINE

    @property
    def is_known(self) -> bool:
        """False until there is something to say: a start is not an outage."""
        return self._seen is not None or self._failures >= FAILURES_TO_OFFLINE

    @property
    def failures(self) -> int:
        return self._failures

    def presence(self) -> DevicePresence:
        seen = self._seen
        return DevicePresence(
            mac=self.device.mac,
            online=self.is_online,
            address=str(seen.address) if seen else self.device.address,
            model=seen.info.model if seen else None,
            firmware=seen.info.firmware if seen else None,
            rtt_ms=seen.rtt_ms if seen and self.is_online else None,
            config=self._revision,
            sip=seen.info.sip if seen and self.is_online else None,
        )

    async def poll(self) -> bool:
        """Look for the device; returns whether its presence changed."""
        before = self.is_known, replace(self.presence(), rtt_ms=None)
        await self._giving_way(self._poll())
        return before != (self.is_known, replace(self.presence(), rtt_ms=None))

    async def _giving_way(self, work: Coroutine[None, None, None]) -> bool:
        """Do ``work``; False when an opening came and it was given up."""
        task = asyncio.create_task(work, name=f"lesser {self.device.mac}")
        self._lesser.add(task)
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            self._lesser.discard(task)
        if task.cancelled():
            return False
        task.result()
        return True

    async def _poll(self) -> None:
        async with self._lock:
            try:
                await self._look()
            except OpeningFailed as error:
                self._failures += 1
                self.last_failure = error.reason
                log.debug("device.silent", mac=self.device.mac, reason=error.reason)

    async def open(self, order: OpenRelay, *, expires_at: int | None) -> None:
        """Open one relay; returns when the device has said that it did.

        :param expires_at: server ms after which nothing may be sent any more.
        :raises OpeningFailed: see there.
        """
        with self.openings.one():
            await self._interrupt()
            await self._open(order, expires_at)

    async def _open(self, order: OpenRelay, expires_at: int | None) -> None:
        async with self._lock:
            seen = await self._verified(expires_at)
            sender = _Sender(self._http_at(seen.address), self._clock, expires_at)
            try:
                is_open = await self._open_by_api(sender, order)
                if not is_open:
                    await self._open_by_page(sender, order)
            except DeviceError as error:
                raise _refusal(error) from error

    async def tell(self, request: Request, *, expires_at: int) -> None:
        """Give the unit an order of its API; returns when it has said that it will.

        :raises OpeningFailed: see there; ``gave_way`` to an opening.
        """

        async def order() -> None:
            async with self._lock:
                seen = await self._verified(expires_at)
                sender = _Sender(self._http_at(seen.address), self._clock, expires_at)
                try:
                    await sender.send(request, Account.API, local_api.read_answer)
                except DeviceError as error:
                    raise _refusal(error) from error

        if not await self._giving_way(order()):
            raise OpeningFailed("gave_way")

    async def clear_access(self, *, expires_at: int) -> None:
        """Delete all codes, cards and faces from the unit.

        A list that the model does not have is empty as it is; one with none of them
        cannot be cleared. To repeat it does no harm.

        :raises OpeningFailed: see there; ``gave_way`` to an opening.
        """
        cleared: list[str] = []

        async def order() -> None:
            async with self._lock:
                seen = await self._verified(expires_at)
                sender = _Sender(self._http_at(seen.address), self._clock, expires_at)
                for target in local_api.ACCESS_LISTS:
                    request = local_api.clear_list(target)
                    try:
                        await sender.send(request, Account.API, local_api.read_answer)
                    except DeviceError as error:
                        if error.code != "not_supported":
                            raise _refusal(error) from error
                    else:
                        cleared.append(target)

        if not await self._giving_way(order()):
            raise OpeningFailed("gave_way")
        if not cleared:
            raise OpeningFailed("not_supported", denied=True)

    async def ask(
        self,
        request: Request,
        read: Callable[[int, bytes], _T],
        *,
        most: int = local_api.MAX_BODY_BYTES,
    ) -> _T:
        """One exchange of a longer talk; between two of them openings have their turn.

        :param read: makes something of status and body.
        :param most: bytes that the answer may have.
        :raises OpeningFailed: see there; ``gave_way`` to an opening.
        """
        return await self._talk(
            lambda http: http.send(request, Account.API, most=most), read
        )

    async def upload(
        self,
        request: Request,
        upload: Upload,
        read: Callable[[int, bytes], _T],
        *,
        within: float,
    ) -> _T:
        """As :meth:`ask`, with a file that may take minutes."""
        return await self._talk(
            lambda http: http.send(request, Account.API, total=within, upload=upload),
            read,
        )

    async def insist(self, request: Request) -> None:
        """Give an order that no opening breaks off: it is told or not, for sure.

        :raises OpeningFailed: see there.
        """
        await self._exchange(
            lambda http: http.send(request, Account.API), local_api.read_answer
        )

    async def _talk(self, send: _Send, read: Callable[[int, bytes], _T]) -> _T:
        found: list[_T] = []

        async def exchange() -> None:
            found.append(await self._exchange(send, read))

        await self.openings.over()
        if not await self._giving_way(exchange()):
            raise OpeningFailed("gave_way")
        return found[0]

    async def _exchange(self, send: _Send, read: Callable[[int, bytes], _T]) -> _T:
        async with self._lock:
            seen = await self._verified(None)
            try:
                answer = await send(self._http_at(seen.address))
                return read(answer.status, answer.body)
            except (Unreachable, NoAnswer) as error:
                raise failed(error) from error
            except DeviceError as error:
                raise _refusal(error) from error

    def heard_revision(self, revision: str) -> None:
        """One of its reports said which settings it has: newer than what was read."""
        self._revision = revision[:12] or self._revision

    async def read_revision(self) -> bool:
        """Ask which settings it has; returns whether they are others than before."""
        before = self._revision

        async def ask() -> None:
            async with self._lock:
                if self._seen is None:
                    return
                request = local_api.config_get(*local_api.REVISION_KEYS)
                http = self._http_at(self._seen.address)
                try:
                    answer = await http.send(request, Account.API)
                    told = local_api.read_revision(answer.status, answer.body)
                except (Unreachable, NoAnswer, DeviceError):
                    return  # it tells with its next report
                self._revision = told or None

        await self._giving_way(ask())
        return self._revision != before

    async def camera(self, *, expires_at: int) -> Camera:
        """Where its video is; the stream itself needs no turn of the unit's.

        :raises OpeningFailed: see there; ``gave_way`` to an opening.
        """
        found: list[Camera] = []

        async def look() -> None:
            async with self._lock:
                seen = await self._verified(expires_at)
                port = await self._rtsp_port(seen.address)
            host, of = seen.address.host, self.device
            found.append(Camera(host, port, of.rtsp_user, of.rtsp_password))

        if not await self._giving_way(look()):
            raise OpeningFailed("gave_way")
        return found[0]

    @property
    def address(self) -> LanAddress | None:
        """Where it is online; None while it is not."""
        return self._seen.address if self._seen and self.is_online else None

    async def web_address(self, *, expires_at: int) -> LanAddress:
        """Where its own pages are, looked up anew.

        :raises OpeningFailed: see there; ``gave_way`` to an opening.
        """
        found: list[LanAddress] = []

        async def look() -> None:
            async with self._lock:
                if self._clock.now_ms() >= expires_at:
                    raise OpeningFailed("expired")
                found.append((await self._look()).address)

        if not await self._giving_way(look()):
            raise OpeningFailed("gave_way")
        return found[0]

    async def _rtsp_port(self, address: LanAddress) -> int:
        request = local_api.config_get(local_api.RTSP_PORT_KEY)
        try:
            answer = await self._http_at(address).send(request, Account.API)
            return local_api.read_rtsp_port(answer.status, answer.body)
        except (Unreachable, NoAnswer) as error:
            raise failed(error) from error
        except DeviceError:
            # It does not say: then it is where it always is.
            return local_api.RTSP_PORT

    async def _verified(self, expires_at: int | None) -> _Seen:
        """Where the right device answers, looked up anew if that is long ago.

        :raises OpeningFailed: see there.
        """
        if expires_at is not None and self._clock.now_ms() >= expires_at:
            raise OpeningFailed("expired")
        seen = self._seen
        now = self._clock.monotonic()
        if seen is None or not self.is_online or now - seen.at > VERIFIED_FOR:
            return await self._look()
        return seen

    async def _open_by_api(self, sender: _Sender, order: OpenRelay) -> bool:
        """False where the model has no API for this relay; nothing happened then."""
        if order.relay is not RelayKind.LOCAL or not self._has_relay_api:
            return False
        request = local_api.relay_trig(order.number, hold_seconds=order.hold_seconds)
        try:
            await sender.send(request, Account.API, local_api.read_answer)
        except DeviceError as error:
            if error.code != "not_supported":
                raise
            # IT83 and its like: opening pages only.
            self._has_relay_api = False
            return False
        return True

    async def _open_by_page(self, sender: _Sender, order: OpenRelay) -> None:
        device = self.device
        if not device.open_user:
            raise DeviceError("not_supported")
        is_security = order.relay is RelayKind.SECURITY
        door = local_api.door_number(order.number, security=is_security)
        if not self._is_safe_only:
            plain = local_api.open_door(
                door, user=device.open_user, password=device.open_password
            )
            try:
                await sender.send(plain, Account.NONE, local_api.read_opening)
            except DeviceError as error:
                if error.code != "not_safe":
                    raise
                self._is_safe_only = True
            else:
                return
        secure = local_api.open_door_secure(door)
        await sender.send(secure, Account.OPENING, local_api.read_opening)

    async def _look(self) -> _Seen:
        """Find the device at the addresses that it may have.

        :raises OpeningFailed: with the reason of the most telling address.
        """
        current = None if self._seen is None else self._seen.address
        failure = OpeningFailed("unreachable")
        for address in dict.fromkeys((self._newest, current, self._listed)):
            if address is None:
                continue
            try:
                seen = await self._look_at(address)
            except OpeningFailed as error:
                # Somebody answering, though not rightly, tells more than silence.
                if failure.reason == "unreachable":
                    failure = error
                continue
            self._newest = address
            self._failures = 0
            self.last_failure = ""
            self._seen = seen
            return seen
        raise failure

    async def _look_at(self, address: LanAddress) -> _Seen:
        started = self._clock.monotonic()
        try:
            answer = await self._http_at(address).send(
                local_api.system_info(), Account.API
            )
            info = local_api.read_system_info(answer.status, answer.body)
        except (Unreachable, NoAnswer) as error:
            raise failed(error) from error
        except DeviceError as error:
            if error.code in {"garbled", "not_supported"}:
                raise OpeningFailed("wrong_device") from error
            raise _refusal(error) from error
        if info.mac != self.device.mac:
            raise OpeningFailed("wrong_device")
        if self._seen is not None and self._seen.info.firmware != info.firmware:
            self._has_relay_api, self._is_safe_only = True, False
        now = self._clock.monotonic()
        return _Seen(address, info, int((now - started) * 1000), now)

    def _http_at(self, address: LanAddress) -> DeviceHttp:
        http = self._https.get(address)
        if http is None:
            device = self.device
            if len(self._https) >= _ADDRESSES:
                self._https.clear()
            http = self._https[address] = DeviceHttp(
                self._session,
                address,
                api=(device.api_user, device.api_password),
                opening=(device.open_user, device.open_password),
            )
        return http

    async def _interrupt(self) -> None:
        if self._lesser:
            _, pending = await asyncio.wait(self._lesser, timeout=POLL_PATIENCE)
            for task in pending:
                task.cancel()


class _Sender:
    """Sends orders of one command, none of them after it has expired."""

    def __init__(
        self, http: DeviceHttp, clock: ServerClock, expires_at: int | None
    ) -> None:
        self._http = http
        self._clock = clock
        self._expires_at = expires_at

    async def send(
        self,
        request: Request,
        account: Account,
        read: Callable[[int, bytes], object],
    ) -> None:
        """:raises DeviceError: the device said no. :raises OpeningFailed: see there."""
        left = self._left()
        try:
            answer = await self._http.send(
                request,
                account,
                may_send=lambda: self._left() > 0,
                # A connection that comes after the expiry is of no use.
                connect=max(0.001, min(LAN_CONNECT, left)),
            )
        except (Unreachable, NoAnswer, TooLate) as error:
            raise failed(error) from error
        read(answer.status, answer.body)

    def _left(self) -> float:
        if self._expires_at is None:
            return LAN_CONNECT
        return (self._expires_at - self._clock.now_ms()) / 1000


def _refusal(error: DeviceError) -> OpeningFailed:
    reason = _REASONS.get(error.code, error.code)
    return OpeningFailed(reason, denied=reason != "unknown_outcome")
