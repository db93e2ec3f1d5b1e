"""Images of firmware on the box: fetched once for a house, and kept for an hour."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Final

import structlog

from portico.bridge.clock import ServerClock
from portico.bridge.errors import OpeningFailed
from portico.bridge.firmware_office import BrokenOff, NoImage, Stream
from portico.bridge.limits import (
    IMAGE_AGAIN,
    IMAGE_HEADROOM,
    IMAGE_KEPT,
    IMAGE_LONGEST_PAUSE,
    IMAGE_WITHIN,
)
from portico.protocols.bridge.firmware import FirmwareOrder

log = structlog.get_logger()

# Opens the image from a byte on.
Source = Callable[[int], AbstractAsyncContextManager[Stream]]
_PART: Final = ".part"


class ImageStore:
    """A folder of its own, empty when the program starts."""

    def __init__(self, folder: Path, clock: ServerClock) -> None:
        self._folder = folder
        self._clock = clock
        self._turns: dict[str, asyncio.Lock] = {}
        self._users: Counter[str] = Counter()
        # When the last user was done, by sum.
        self._left_at: dict[str, float] = {}
        # What is still to come of those under way.
        self._to_come: dict[str, int] = {}

    def empty(self) -> None:
        """Nobody knows any more what became of what lies there."""
        with suppress(OSError):
            shutil.rmtree(self._folder)

    @asynccontextmanager
    async def image(
        self, order: FirmwareOrder, source: Source, told: Callable[[int], None]
    ) -> AsyncIterator[Path]:
        """The whole image, checked; it stays for as long as the context lasts.

        :param told: hears how many bytes there are.
        :raises OpeningFailed: ``download_failed``, ``bad_image``, ``no_room``.
        """
        name = order.sha256
        self._users[name] += 1
        try:
            async with self._turns.setdefault(name, asyncio.Lock()):
                path = self._folder / name
                if not path.exists():
                    await self._fetch(order, source, told)
                told(order.size)
            yield path
        finally:
            self._users[name] -= 1
            self._left_at[name] = self._clock.monotonic()
            loop = asyncio.get_running_loop()
            loop.call_later(IMAGE_KEPT + 1, self._drop, IMAGE_KEPT)

    def _drop(self, older_than: float) -> None:
        """Delete what nobody has used for so long."""
        now = self._clock.monotonic()
        for name, at in tuple(self._left_at.items()):
            if not self._users[name] and now - at >= older_than:
                self._delete(name)
                self._delete(name + _PART)
                del self._left_at[name], self._users[name]
                self._turns.pop(name, None)

    def _delete(self, name: str) -> None:
        with suppress(OSError):
            (self._folder / name).unlink(missing_ok=True)

    async def _fetch(
        self, order: FirmwareOrder, source: Source, told: Callable[[int], None]
    ) -> None:
        try:
            async with asyncio.timeout(IMAGE_WITHIN):
                await self._download(order, source, told)
        except TimeoutError:
            raise OpeningFailed("download_failed") from None
        except OSError as error:
            log.warning("firmware.disk", error=str(error))
            self._delete(order.sha256 + _PART)
            raise OpeningFailed("no_room") from error
        finally:
            self._to_come.pop(order.sha256, None)

    async def _download(
        self, order: FirmwareOrder, source: Source, told: Callable[[int], None]
    ) -> None:
        """:raises OSError: the disk does not take it. :raises OpeningFailed: see there."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._folder / (order.sha256 + _PART)
        misses = 0
        while (have := _size(part)) < order.size:
            self._find_room(order, order.size - have)
            pause = await self._some(part, order.size, source, told)
            has_more = _size(part) > have
            misses = 0 if has_more else misses + 1
            if misses > len(IMAGE_AGAIN):
                raise OpeningFailed("download_failed")
            if _size(part) < order.size:
                await asyncio.sleep(max(IMAGE_AGAIN[max(misses, 1) - 1], pause))
        digest = await asyncio.to_thread(_digest, part)
        if have > order.size or digest != order.sha256:
            self._delete(part.name)
            raise OpeningFailed("bad_image")
        part.rename(self._folder / order.sha256)

    def _find_room(self, order: FirmwareOrder, size: int) -> None:
        """:raises OpeningFailed: ``no_room``."""
        self._to_come[order.sha256] = size
        needed = sum(self._to_come.values()) + IMAGE_HEADROOM
        if shutil.disk_usage(self._folder).free < needed:
            self._drop(0.0)
        if shutil.disk_usage(self._folder).free < needed:
            raise OpeningFailed("no_room")

    async def _some(
        self, part: Path, size: int, source: Source, told: Callable[[int], None]
    ) -> float:
        """Fetch what comes; how long the server wants to be left alone after that.

        :raises OpeningFailed: it does not give it at all.
        """
        try:
            async with source(_size(part)) as stream:
                with _open_at(part, stream.start) as file:
                    at = stream.start
                    async for piece in stream.pieces:
                        at += len(piece)
                        if at > size:
                            # More than was ordered: its sum would not fit anyway.
                            self._delete(part.name)
                            raise OpeningFailed("bad_image")
                        await asyncio.to_thread(file.write, piece)
                        told(at)
        except NoImage as none:
            if none.again is None:
                raise OpeningFailed("download_failed") from none
            return min(none.again, IMAGE_LONGEST_PAUSE)
        except BrokenOff as error:
            log.info("firmware.broken_off", error=str(error), have=_size(part))
        return 0.0


def _open_at(path: Path, start: int) -> IO[bytes]:
    """To write on from byte ``start``, whatever was there before."""
    file = path.open("r+b" if path.exists() else "w+b")
    file.truncate(start)
    file.seek(start)
    return file


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
