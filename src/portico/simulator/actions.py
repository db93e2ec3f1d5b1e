"""Action URLs: the GET that a unit sends on an event."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from portico.simulator.core import Core, logger
from portico.simulator.factory import ACTION_URL
from portico.simulator.outbound import Outbound, OutboundError

# What tests and the control API can look back on, per unit.
MAX_REMEMBERED: Final = 200
_VARIABLE: Final = re.compile(r"\$([a-z][a-z0-9_]*)")
# Devices are not known to escape values (they do not form-encode). Only what cannot
# stand in a request line at all is escaped here, so a "&" in a QR code stays a "&".
_KEPT: Final = "!$&'()*+,-./:;=?@_~%[]"


@dataclass(frozen=True, slots=True)
class Fired:
    """One action URL that was sent, or tried: ``status`` is 0 when nobody answered."""

    suffix: str
    url: str
    status: int
    error: str = ""


class ActionSender:
    """Sends a unit's action URLs one after another, each once.

    No source documents a retry or a queue on the devices: a failed report is lost and
    only counted (``state.failed_action_urls``).
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self.fired: deque[Fired] = deque(maxlen=MAX_REMEMBERED)
        self.sent = 0
        self._pending: deque[tuple[str, str]] = deque()
        self._draining = False
        self._news: asyncio.Event | None = None
        self._providers: list[Callable[[], Mapping[str, str]]] = []

    def add_variables(self, provider: Callable[[], Mapping[str, str]]) -> None:
        """Take variables such as ``$relay1status`` from ``provider`` at every event."""
        self._providers.append(provider)

    def fire(self, suffix: str, variables: Mapping[str, str] | None = None) -> bool:
        """Report an event; False when this unit has no URL for it or is not online."""
        settings = self._core.settings
        template = settings[ACTION_URL + suffix]
        if suffix not in self._core.model.action_urls or not template:
            return False
        if not settings.flag(f"{ACTION_URL}Enable"):
            return False
        url = fill_in(template, self._variables(variables or {}))
        if not self._core.online:
            self._record(Fired(suffix, url, 0, "offline"))
            return False
        self._pending.append((suffix, url))
        if not self._draining:
            self._draining = True
            self._core.spawn(self._drain())
        return True

    async def wait(self, suffix: str, *, count: int, seconds: float) -> list[Fired]:
        """The first ``count`` reports of an event, waiting for them if need be.

        :raises TimeoutError: fewer came within ``seconds``.
        """
        async with asyncio.timeout(seconds):
            while True:
                found = [each for each in self.fired if each.suffix == suffix]
                if len(found) >= count:
                    return found[:count]
                self._news = self._news or asyncio.Event()
                await self._news.wait()

    async def _drain(self) -> None:
        try:
            while self._pending:
                suffix, url = self._pending.popleft()
                if self._core.online:
                    await self._send(suffix, url)
                else:
                    self._record(Fired(suffix, url, 0, "offline"))
        finally:
            self._draining = False

    async def _send(self, suffix: str, url: str) -> None:
        core = self._core
        way = Outbound(
            session=core.world.session,
            user_agent=user_agent(core),
            verify=core.settings.flag("Config.Settings.SECURITY.OnlyAcceptTrusted"),
        )
        wants_post = core.settings[f"{ACTION_URL}Method"].upper() == "POST"
        method = "POST" if core.model.action_url_post and wants_post else "GET"
        try:
            reply = await way.fetch(url, method=method)
        except OutboundError as error:
            logger.info("%s: %s was not delivered: %s", core.mac, suffix, error)
            self._record(Fired(suffix, url, 0, str(error)))
        else:
            self._record(Fired(suffix, url, reply.status))

    def _record(self, fired: Fired) -> None:
        self.fired.append(fired)
        self.sent += 1
        if not 200 <= fired.status < 300:
            self._core.state.failed_action_urls += 1
            self._core.touch()
        if self._news is not None:
            self._news.set()
            self._news = None

    def _variables(self, own: Mapping[str, str]) -> dict[str, str]:
        core = self._core
        values = {
            "mac": core.mac,
            "ip": core.endpoint,
            "model": core.model.name,
            "firmware": core.state.firmware,
            "time": core.local_now().strftime("%Y-%m-%d %H:%M:%S"),
            "location": core.settings["Config.DoorSetting.DEVICENODE.Location"],
            # What these two hold is documented nowhere; our reading of the names.
            "active_url": core.settings["Config.Autoprovision.GENERAL.Url"],
            "active_user": own.get("user_name", ""),
        }
        for provider in self._providers:
            values.update(provider())
        values.update(own)
        return values


def user_agent(core: Core) -> str:
    """``Akuvox <model> <firmware>``, known from SIP (VI); for HTTP it is assumed."""
    return f"Akuvox {core.model.name} {core.state.firmware}"


def fill_in(template: str, values: Mapping[str, str]) -> str:
    """``template`` with its ``$variables`` replaced; unknown ones are left standing."""

    def value_of(match: re.Match[str]) -> str:
        value = values.get(match[1])
        return match[0] if value is None else quote(value, safe=_KEPT)

    return _VARIABLE.sub(value_of, template)
