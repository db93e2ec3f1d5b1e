"""Keeping a session with the server, whatever happens to the last one."""

from __future__ import annotations

import asyncio
import random
from typing import Final

import aiohttp
import structlog

from portico.bridge import limits
from portico.bridge.retry import Backoff
from portico.bridge.session import Home, Session, SilentServer
from portico.protocols.bridge.envelope import MAX_ROSTER_BYTES, Nonsense, Roster

log = structlog.get_logger()

# Unknown bridge or bad signature, and revoked: only a person can change that.
_REVOKED: Final = 4403
_UNWELCOME: Final = frozenset({4401, _REVOKED})


class Tunnel:
    """Keeps one session open for as long as it is asked to."""

    def __init__(self, http: aiohttp.ClientSession, home: Home) -> None:
        self._http = http
        self._home = home
        self._session: Session | None = None
        self._closing = asyncio.Event()

    async def run(self) -> None:
        """Connect, and connect again after every end; returns after :meth:`close`."""
        backoff = Backoff(limits.BACKOFF_FIRST, limits.BACKOFF_MOST, random.random)
        while not self._closing.is_set():
            code, ready_for = await self._one_session()
            if self._closing.is_set():
                return
            if code == _REVOKED:
                # Its passwords and guests are no longer ours to keep.
                await self._home.orders.roster(Roster("revoked", ()))
            if ready_for >= limits.BACKOFF_RESET_AFTER:
                backoff.reset()
            most = limits.BACKOFF_MOST_UNWELCOME if code in _UNWELCOME else None
            pause = backoff.next(most)
            log.warning("session.ended", code=code, again_in=round(pause, 1))
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Send what is left, then say goodbye with 1000."""
        self._closing.set()
        if self._session is not None:
            await self._session.close()

    async def _one_session(self) -> tuple[int | None, float]:
        """One attempt; the close code, if there was one, and for how long it held."""
        timeout = aiohttp.ClientWSTimeout(ws_close=limits.FINISH_SENDING)
        session: Session | None = None
        try:
            async with asyncio.timeout(limits.SERVER_CONNECT):
                socket = await self._http.ws_connect(
                    self._home.hello.url, timeout=timeout, max_msg_size=MAX_ROSTER_BYTES
                )
            async with socket:
                session = self._session = Session(self._home, socket)
                await session.run()
                return socket.close_code, session.ready_for()
        except Nonsense as error:
            log.warning("server.nonsense", code=error.code, field=error.field)
        except SilentServer:
            log.warning("server.silent")
        except (aiohttp.ClientError, OSError) as error:
            # TimeoutError is an OSError.
            log.warning("server.unreachable", error=type(error).__name__)
        finally:
            self._session = None
        return None, session.ready_for() if session else 0.0
