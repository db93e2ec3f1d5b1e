"""A unit's files: ``/p/<secret>/<name>``, from memory, with entity tags."""

from __future__ import annotations

import asyncio
import hashlib
import time
from datetime import datetime

import structlog

from portico.gateway import metrics
from portico.gateway.cache import DeviceCache
from portico.gateway.domain import Domain, PresenceVia, ServedFile, StoreFailed
from portico.gateway.http import (
    TEXT,
    ClientAddresses,
    Scope,
    Send,
    header,
    problem,
    respond,
)
from portico.gateway.limits import Buckets, Misses
from portico.gateway.presence import PresenceCollector
from portico.kernel.clock import utcnow
from portico.protocols.autop.grammar import FileRole, file_kind

log = structlog.get_logger(__name__)

PREFIX = "/p/"
# Names that are not the unit's own: models ask for a few before theirs, at each boot. By
# secret: the other units of the house are not to suffer.
NAMES_PER_SECOND, NAMES_BURST = 0.5, 20.0
FLUSH_SECONDS = 1.0
# That a unit still has the same settings is written this often at most: units ask hourly,
# and one that asks all the time must not cost a write each.
NOTE_AGAIN_SECONDS = 600.0
_RETRY = (b"retry-after", b"2")
_TRIES_RETRY = (b"retry-after", b"60")
# Nothing on the way may keep a text with passwords.
_PRIVATE = (b"cache-control", b"private, no-cache")
_JSON = (b"content-type", b"application/json")
_XML = (b"content-type", b"application/xml; charset=utf-8")
# What holds for every unit stands in the unit's own file; units ask for this one first.
COMMON = b"# Portico: nothing common, see the unit's own file\n"
_COMMON_TAG = hashlib.sha256(COMMON).hexdigest()


class Files:
    """Serves each device the files under its own address."""

    def __init__(
        self, domain: Domain, presence: PresenceCollector, addresses: ClientAddresses
    ) -> None:
        self.devices: DeviceCache[ServedFile] = DeviceCache(domain.served_files)
        self._domain = domain
        self._presence = presence
        self._addresses = addresses
        self._misses = Misses()
        self._names = Buckets(NAMES_PER_SECOND, NAMES_BURST)
        # By device: which settings, in which file, when.
        self._fetched: dict[int, tuple[str, str, datetime]] = {}
        self._noted: dict[int, tuple[str, float]] = {}

    async def serve(self, scope: Scope, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            await problem(send, 405, "method_not_allowed", headers=[(b"allow", b"GET")])
            return
        secret, _, name = scope["path"][len(PREFIX) :].partition("/")
        file = self.devices.peek(secret)
        if file is None:
            try:
                file = await self._find(scope, secret)
            except StoreFailed:
                await problem(send, 503, "try_again", headers=[_RETRY])
                return
        if file is None:
            await self._unknown(scope, secret, send)
            return
        self._presence.heard(file.device_id, PresenceVia.AUTOP)
        kind = file_kind(name)
        if kind is not None and kind.role is FileRole.COMMON:
            await self._answer(scope, send, COMMON, _COMMON_TAG)
        elif kind is not None and kind.mac == file.mac:
            await self._own(scope, send, file)
        elif kind is not None and kind.role is FileRole.CONTACTS and file.contacts:
            # Whichever revision is asked for: there is only the newest.
            await self._answer(scope, send, file.contacts, file.contacts_etag, _XML)
        elif kind is not None and kind.role is FileRole.WEATHER:
            await self._weather(send, file.device_id)
        else:
            # Also another device's name: nothing tells whether it exists.
            metrics.FILES.labels("unknown_name").inc()
            log.info("autop_unknown_name", device=file.device_id, name=name[:64])
            if self._names.take(secret):
                await problem(send, 404, "not_found")
            else:
                await problem(send, 429, "too_many_tries", headers=[_TRIES_RETRY])

    async def _weather(self, send: Send, device_id: int) -> None:
        try:
            sheet = await self._domain.weather_sheet(device_id)
        except StoreFailed:
            await problem(send, 503, "try_again", headers=[_RETRY])
            return
        if sheet is None:
            await problem(send, 404, "not_found")
        else:
            await respond(send, 200, sheet, [_JSON, _PRIVATE])

    async def _find(self, scope: Scope, secret: str) -> ServedFile | None:
        if not self._misses.may_look(self._addresses.of(scope), secret):
            return None
        return await self.devices.get(secret)

    async def _unknown(self, scope: Scope, secret: str, send: Send) -> None:
        metrics.REFUSED.labels("file").inc()
        if self._misses.missed(self._addresses.of(scope), secret):
            await problem(send, 404, "not_found")
        else:
            await problem(send, 429, "too_many_tries", headers=[_TRIES_RETRY])

    async def _own(self, scope: Scope, send: Send, file: ServedFile) -> None:
        if file.body is None:  # registered a moment ago, the worker is rendering
            self.devices.forget(file.device_id)
            metrics.FILES.labels("not_yet").inc()
            await problem(send, 503, "not_yet", headers=[_RETRY])
            return
        await self._answer(scope, send, file.body, file.etag)
        if scope["method"] == "GET":
            self._note(file)

    def _note(self, file: ServedFile) -> None:
        etag, until = self._noted.get(file.device_id, ("", 0.0))
        now = time.monotonic()
        if etag == file.etag and now < until:
            return
        self._noted[file.device_id] = (file.etag, now + NOTE_AGAIN_SECONDS)
        self._fetched[file.device_id] = (file.revision, file.etag, utcnow())

    def published(self, device_id: int) -> None:
        """The device's file was rendered anew: its next fetch is news.

        Also if the bytes are the same, as after a reset, of which this does not know.
        """
        self._noted.pop(device_id, None)

    @staticmethod
    async def _answer(
        scope: Scope,
        send: Send,
        body: bytes,
        etag: str,
        kind: tuple[bytes, bytes] = TEXT,
    ) -> None:
        tag = f'"{etag}"'
        headers = [kind, (b"etag", tag.encode()), _PRIVATE]
        held = header(scope, b"if-none-match")
        if held and (held == "*" or tag in held):
            metrics.FILES.labels("unchanged").inc()
            await send(
                {"type": "http.response.start", "status": 304, "headers": headers[1:]}
            )
            await send({"type": "http.response.body", "body": b""})
            return
        metrics.FILES.labels("served").inc()
        if scope["method"] == "HEAD":
            length = (b"content-length", str(len(body)).encode())
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [*headers, length],
                }
            )
            await send({"type": "http.response.body", "body": b""})
            return
        await respond(send, 200, body, headers)

    async def run(self) -> None:
        """Note who fetched what, once a second, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what is pending; on a database fault it is kept."""
        if not self._fetched:
            return
        batch, self._fetched = self._fetched, {}
        try:
            await self._domain.note_fetched(batch)
        except StoreFailed as error:
            log.error("fetches_not_stored", count=len(batch), error=str(error))
            metrics.DATABASE_FAULTS.labels("fetches").inc()
            self._fetched = batch | self._fetched
