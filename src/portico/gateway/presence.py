"""Who was heard of: collected in memory, written in batches."""

from __future__ import annotations

import asyncio
import time

import structlog

from portico.gateway import metrics
from portico.gateway.domain import Contact, Domain, PresenceVia, StoreFailed
from portico.kernel.clock import utcnow

log = structlog.get_logger(__name__)

# GW-3 wants "online" within five seconds of the first contact.
FLUSH_SECONDS = 0.5
# A device that is known to be online is written this often at most.
REFRESH_SECONDS = 20.0
# That an account is registered is written this often.
SIP_NOTE_SECONDS = 300.0
SWEEP_SECONDS = 2.0
# After a start nobody has had the chance to be heard: silence counts from then on.
GRACE_SECONDS = 80.0
# Between two rounds: more than this is a suspend, a stopped process or a clock step, and
# nobody could be heard meanwhile, or silence cannot be told from the dates.
PAUSE_SECONDS = 5.0


class Grace:
    """Whether everybody has had the chance to be heard since we last had trouble."""

    def __init__(self) -> None:
        self._clocks = time.monotonic(), time.time()
        self._over_at = self._clocks[0] + GRACE_SECONDS

    def restart(self) -> None:
        """Our side failed: silence counts from now on."""
        self._over_at = time.monotonic() + GRACE_SECONDS

    def look(self) -> None:
        """Compare the clocks with the last round's."""
        before, self._clocks = self._clocks, (time.monotonic(), time.time())
        passed = self._clocks[0] - before[0]
        drift = abs(self._clocks[1] - before[1] - passed)
        if max(passed - FLUSH_SECONDS, drift) > PAUSE_SECONDS:
            log.warning("presence_paused", seconds=passed, drift=drift)
            self.restart()

    def is_over(self) -> bool:
        return time.monotonic() >= self._over_at


class PresenceCollector:
    """Takes every contact; writes the ones that matter."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._pending: dict[int, Contact] = {}
        self._written: dict[int, float] = {}
        self._addresses: dict[int, str] = {}
        self._registered: set[int] = set()
        self._sip_noted: dict[int, float] = {}
        self._grace = Grace()

    def heard(self, device_id: int, via: PresenceVia, lan_address: str = "") -> None:
        """A device made itself heard just now."""
        if via is PresenceVia.SIP:
            self._note_sip(device_id)
        written = self._written.get(device_id)
        moved = bool(lan_address) and self._addresses.get(device_id) != lan_address
        if (
            written is not None
            and not moved
            and time.monotonic() - written < REFRESH_SECONDS
        ):
            return
        if lan_address:
            self._addresses[device_id] = lan_address
        self._pending[device_id] = Contact(device_id, utcnow(), via, lan_address)

    def registered(self, device_id: int) -> None:
        """Somebody has seen that its SIP account is registered."""
        self._note_sip(device_id)

    def restarted(self, device_id: int) -> None:
        """It has begun anew: only that it registers from now on counts, and is news."""
        self._registered.discard(device_id)
        self._sip_noted.pop(device_id, None)

    def _note_sip(self, device_id: int) -> None:
        noted = self._sip_noted.get(device_id)
        if noted is None or time.monotonic() - noted >= SIP_NOTE_SECONDS:
            self._registered.add(device_id)

    def forget(self, device_id: int) -> None:
        """Somebody saw it go offline, or it is gone: its next contact is written."""
        self._written.pop(device_id, None)
        self._addresses.pop(device_id, None)

    async def flush(self) -> None:
        """Write what is pending; on a database fault it is kept for the next time."""
        await self._flush_contacts()
        await self._flush_registered()

    async def _flush_registered(self) -> None:
        if not self._registered:
            return
        batch, self._registered = self._registered, set()
        try:
            await self._domain.note_registered(batch)
        except StoreFailed as error:
            # Units register again within a minute. Noted later than it was, it would seem
            # to be from after a restart.
            log.error("registrations_not_stored", count=len(batch), error=str(error))
        else:
            self._sip_noted.update(dict.fromkeys(batch, time.monotonic()))

    async def _flush_contacts(self) -> None:
        if not self._pending:
            return
        batch, self._pending = self._pending, {}
        now = time.monotonic()
        try:
            await self._domain.record_contacts(list(batch.values()))
        except StoreFailed as error:
            log.error("contacts_not_stored", count=len(batch), error=str(error))
            metrics.DATABASE_FAULTS.labels("contacts").inc()
            self._pending = batch | self._pending
            self._grace.restart()
        else:
            self._written.update(dict.fromkeys(batch, now))

    async def run(self) -> None:
        """Flush and sweep until cancelled."""
        self._grace = Grace()
        next_sweep = 0.0
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self._grace.look()
            await self.flush()
            if self._grace.is_over() and time.monotonic() >= next_sweep:
                next_sweep = time.monotonic() + SWEEP_SECONDS
                await self._sweep()

    async def _sweep(self) -> None:
        try:
            for device_id in await self._domain.sweep_silent():
                self.forget(device_id)
        except StoreFailed as error:
            log.error("sweep_failed", error=str(error))
            metrics.DATABASE_FAULTS.labels("sweep").inc()
            self._grace.restart()
