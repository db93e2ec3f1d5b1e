"""The auto-provisioning client: when it runs, what it fetches, what it remembers.

Facts: devices.md A.2 to A.5 as restated in docs/simulator.md. Inferred and marked there:
the order common file, then device file; that unchanged files are skipped by MD5; that a
changed common file makes the unit apply its own file again, so that it still overrides.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from portico.protocols.autop.grammar import FileRole, parse
from portico.simulator import weather
from portico.simulator.actions import user_agent
from portico.simulator.contacts import ContactBook
from portico.simulator.core import Core, logger
from portico.simulator.factory import AUTOP
from portico.simulator.outbound import Outbound, OutboundError

URL_KEY: Final = f"{AUTOP}GENERAL.Url"
MODE_KEY: Final = f"{AUTOP}MODE.Mode"
REBOOT_KEY: Final = f"{AUTOP}Reboot.Enable"
RESET_KEY: Final = f"{AUTOP}RESET_FACTORY.Enable"
FIRMWARE_KEY: Final = "Config.Firmware.Url"
# Orders, not settings: they take effect once per file and are not kept.
_ORDERS: Final = (REBOOT_KEY, RESET_KEY, FIRMWARE_KEY)
_MD5_KEYS: Final = {
    FileRole.COMMON: f"{AUTOP}MD5.GenConfMd5",
    FileRole.DEVICE: f"{AUTOP}MD5.UrlConfMd5",
}
# Modes of Config.Autoprovision.MODE.Mode.
_AT_POWER_ON: Final = frozenset({"1", "3"})
_BY_SCHEDULE: Final = frozenset({"2", "3"})
_HOURLY: Final = "4"
HOUR_SECONDS: Final = 3600.0
# Real seconds. What devices do after an error is not documented; a fleet must neither
# stay without configuration for an hour nor come back in step.
FIRST_RETRY_SECONDS: Final = 3.0
LONGEST_RETRY_SECONDS: Final = 60.0


@dataclass(slots=True)
class Outcome:
    """What one run did. ``statuses`` holds the HTTP status per file, 0 for no answer."""

    statuses: dict[FileRole, int] = field(default_factory=dict)
    applied: set[FileRole] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    orders: dict[str, str] = field(default_factory=dict)
    failed: bool = False


class AutopClient:
    """Fetches and applies the two files; one run at a time."""

    def __init__(self, core: Core, *, is_busy: Callable[[], bool]) -> None:
        self._core = core
        self._is_busy = is_busy
        self._contacts = ContactBook(core)
        self._finish: Callable[[Outcome], None] = lambda _outcome: None
        self._timer: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._failures = 0
        self._running = False
        self._again = False
        self.runs = 0
        self.last: Outcome | None = None
        core.settings.on_change(self._settings_changed)

    def on_finish(self, finish: Callable[[Outcome], None]) -> None:
        """Call ``finish`` after every run, to carry out its orders."""
        self._finish = finish

    def start(self, *, earlier: float = 0.0) -> None:
        """The unit has booted: run if the mode says so, and plan the next run.

        :param earlier: device seconds by which the first planned run is moved forward,
            so that a fleet started at once does not poll at once.
        """
        if self._core.settings[MODE_KEY] in _AT_POWER_ON:
            self.trigger()
        self._plan(earlier)

    def stop(self) -> None:
        """Power is gone: forget all plans."""
        for handle in (self._timer, self._retry):
            if handle is not None:
                handle.cancel()
        self._timer = self._retry = None
        self._failures = 0

    def trigger(self) -> None:
        """Run in the background ("AutoP now"); one more run follows a running one."""
        if self._running:
            self._again = True
        elif self._core.online:
            self._core.spawn(self._run_and_finish())

    def call_ended(self) -> None:
        """A run that waited for the end of a call can start."""
        if self._again:
            self._again = False
            self.trigger()

    def clear_md5(self) -> None:
        """The web page's "Clear MD5": the next run applies both files again."""
        self._core.state.md5.clear()
        self._core.state.etags.clear()
        self._core.state.contacts_url = ""
        self._core.touch()

    async def run(self) -> Outcome:
        """One run: both files. Does not carry out orders, see :meth:`on_finish`."""
        outcome = Outcome()
        base = self._core.settings[URL_KEY]
        if not base:
            return outcome
        if not base.endswith("/"):
            base += "/"
        names = {
            FileRole.COMMON: self._core.model.common_file,
            FileRole.DEVICE: f"{self._core.mac}.cfg",
        }
        for role, name in names.items():
            force = FileRole.COMMON in outcome.applied
            await self._fetch(role, base + name, outcome, force=force)
        if not await self._contacts.refresh(applied=bool(outcome.applied)):
            outcome.failed = True
        await weather.refresh(self._core, base)
        self.runs += 1
        self.last = outcome
        return outcome

    async def _run_and_finish(self) -> None:
        if self._is_busy():
            # Runs only when idle: a call postpones it (MAN R20B).
            self._again = True
            return
        self._running = True
        try:
            outcome = await self.run()
        finally:
            self._running = False
        self._plan_retry(outcome)
        self._finish(outcome)
        if self._again and not self._is_busy():
            self._again = False
            self.trigger()

    async def _fetch(
        self, role: FileRole, url: str, outcome: Outcome, *, force: bool
    ) -> None:
        core = self._core
        etag = core.state.etags.get(role, "")
        way = Outbound(
            session=core.world.session,
            user_agent=user_agent(core),
            verify=core.settings.flag("Config.Settings.SECURITY.OnlyAcceptTrusted"),
        )
        account = (
            core.settings[f"{AUTOP}GENERAL.UserName"],
            core.settings[f"{AUTOP}GENERAL.Pwd"],
        )
        headers = {"If-None-Match": etag} if etag and not force else {}
        try:
            reply = await way.fetch(url, headers=headers, account=account)
        except OutboundError as error:
            logger.info("%s: %s: %s", core.mac, url, error)
            outcome.statuses[role] = 0
            outcome.failed = True
            return
        outcome.statuses[role] = reply.status
        if reply.status >= 500:
            outcome.failed = True
        elif reply.status == 200:
            new_etag = reply.headers.get("ETag", "")
            self._take(role, reply.body, outcome, force=force)
            if new_etag:
                core.state.etags[role] = new_etag
            else:
                core.state.etags.pop(role, None)

    def _take(
        self, role: FileRole, body: bytes, outcome: Outcome, *, force: bool
    ) -> None:
        core = self._core
        md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
        unchanged = core.state.md5.get(role) == md5
        if unchanged and not force:
            return
        settings = parse(body.decode("utf-8", "replace")).settings
        orders = {
            key: settings.pop(key)
            for key in _ORDERS
            if settings.get(key) not in (None, "", "0")
        }
        if not unchanged:
            outcome.orders |= orders
        core.state.md5[role] = md5
        settings[_MD5_KEYS[role]] = md5
        outcome.changed |= core.settings.apply(settings)
        outcome.applied.add(role)
        core.touch()

    def _settings_changed(self, keys: frozenset[str]) -> None:
        if URL_KEY in keys:
            self._core.state.etags.clear()
        if self._core.online and any(
            key == MODE_KEY or key.startswith(f"{AUTOP}SCHEDULE.") for key in keys
        ):
            self._plan()

    def _plan(self, earlier: float = 0.0) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        seconds = self._seconds_to_next()
        if seconds is not None:
            self._timer = self._core.later(max(seconds - earlier, 0.0), self._due)

    def _due(self) -> None:
        self._timer = None
        self._plan()
        self.trigger()

    def _seconds_to_next(self) -> float | None:
        mode = self._core.settings[MODE_KEY]
        if mode == _HOURLY:
            return HOUR_SECONDS
        if mode not in _BY_SCHEDULE:
            return None
        settings = self._core.settings
        now = self._core.local_now()
        due = now.replace(
            hour=settings.number(f"{AUTOP}SCHEDULE.HourOfDay", 0) % 24,
            minute=settings.number(f"{AUTOP}SCHEDULE.MinuteOfHour", 0) % 60,
            second=0,
            microsecond=0,
        )
        # 0 every day, 1-6 Monday to Saturday, 7 Sunday (newer firmware).
        day = settings.number(f"{AUTOP}SCHEDULE.DayOfWeek", 0)
        while due <= now or (1 <= day <= 7 and due.isoweekday() != day):
            due += timedelta(days=1)
        return (due - now).total_seconds()

    def _plan_retry(self, outcome: Outcome) -> None:
        if not outcome.failed:
            self._failures = 0
            return
        wait = min(FIRST_RETRY_SECONDS * 2**self._failures, LONGEST_RETRY_SECONDS)
        self._failures = min(self._failures + 1, 10)
        if self._retry is not None:
            self._retry.cancel()
        jitter = self._core.world.rng.uniform(0.5, 1.5)
        self._retry = self._core.loop.call_later(wait * jitter, self.trigger)
