"""When which bridge is told its roster again."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from portico.gateway.bridge_session import Session
from portico.gateway.domain import ROSTERS_AT_ONCE

# Several changes of one house in a moment make one roster.
DELAY_SECONDS = 0.05
# Every bridge's roster is looked at again, since hints may get lost and guests' codes run
# out: each this often, but never more a second than the database does not notice. Ten
# thousand bridges take three minutes.
ROUND_SECONDS = 20.0
MOST_A_SECOND = 50


class Rosters:
    """Sends rosters on hints, after faults, and in rounds."""

    def __init__(
        self,
        by_site: Mapping[str, Session],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._by_site = by_site
        self._spawn = spawn
        self._due: dict[str, asyncio.TimerHandle] = {}
        self._round: deque[Session] = deque()
        self._share = 0
        self._next_round = 0.0
        self._is_checking = False

    def hint(self, site: str) -> None:
        """Something changed at ``site``."""
        if site not in self._by_site or site in self._due:
            return

        def due() -> None:
            self._due.pop(site, None)
            session = self._by_site.get(site)
            if session is not None:
                self._spawn(session.send_roster())

        loop = asyncio.get_running_loop()
        self._due[site] = loop.call_later(DELAY_SECONDS, due)

    def check(self) -> None:
        """Once a second: retry what failed, go on with the round."""
        if self._is_checking:
            return  # the database is slow: more of it at once would not help
        sessions = self._stale()
        sessions += self._next(MOST_A_SECOND - len(sessions))
        if sessions:
            self._is_checking = True
            self._spawn(self._check(sessions))

    def _stale(self) -> list[Session]:
        found = [each for each in self._by_site.values() if each.roster_failed]
        return found[:MOST_A_SECOND]

    def _next(self, most: int) -> list[Session]:
        now = time.monotonic()
        if not self._round and now >= self._next_round:
            self._round.extend(self._by_site.values())
            self._share = math.ceil(len(self._round) / ROUND_SECONDS)
            self._next_round = now + ROUND_SECONDS
        number = max(0, min(self._share, most, len(self._round)))
        return [self._round.popleft() for _ in range(number)]

    async def _check(self, sessions: list[Session]) -> None:
        # Not all at once: what has just changed need not wait behind all of them.
        try:
            for start in range(0, len(sessions), ROSTERS_AT_ONCE):
                part = sessions[start : start + ROSTERS_AT_ONCE]
                await asyncio.wait([self._spawn(each.send_roster()) for each in part])
        finally:
            self._is_checking = False
