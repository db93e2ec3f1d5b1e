"""Firmware files: reading them, checking them, and the unit's update slot."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from portico.simulator import firmware_faults as faults
from portico.simulator.actions import user_agent
from portico.simulator.core import Core
from portico.simulator.outbound import Outbound, OutboundError

# The largest published images are Android packages of some hundred MiB.
MAX_IMAGE_BYTES: Final = 512 * 1024 * 1024
# A slow server and a big image; a campaign must not hang on one unit for longer.
DOWNLOAD_SECONDS: Final = 600.0
# A file may say what it is in its first line; real images are opaque, and then the
# version in the file's name counts.
_HEADER: Final = re.compile(rb"PORTICO-FIRMWARE version=(\d+(?:\.\d+){1,5})\s")
_HEADER_BYTES: Final = 256
_VERSION_IN_NAME: Final = re.compile(r"(?<![\d.])(\d+(?:\.\d+){2,4})(?![\d])")

# With the fault "slow": bytes in a second of device time.
SLOW_PER_SECOND: Final = 256 * 1024


class BadFirmware(Exception):
    """The unit refuses the image; ``code`` says why. It stays as it was."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Image:
    """A firmware image: its version and the MD5 of its bytes."""

    version: str
    md5: str


class ImageReader:
    """Reads an image while it comes; of the largest, too, only its first line is kept."""

    def __init__(self) -> None:
        self.size = 0
        self._head = b""
        self._sum = hashlib.md5(usedforsecurity=False)

    def feed(self, piece: bytes) -> None:
        """:raises BadFirmware: ``too_big``."""
        self.size += len(piece)
        if self.size > MAX_IMAGE_BYTES:
            raise BadFirmware("too_big")
        self._head += piece[: _HEADER_BYTES - len(self._head)]
        self._sum.update(piece)

    def read(self, name: str, *, extension: str, model_id: str) -> Image:
        """Check what came for a model.

        :raises BadFirmware: ``bad_type`` (not the model's ``.rom`` or ``.zip``),
            ``bad_file`` (no version to be found, or empty), ``wrong_model``.
        """
        if PurePosixPath(name).suffix.lower() != f".{extension}":
            raise BadFirmware("bad_type")
        header = _HEADER.match(self._head)
        named = _VERSION_IN_NAME.search(PurePosixPath(name).stem)
        if not self.size or not (header or named):
            raise BadFirmware("bad_file")
        version = header[1].decode() if header else named[1] if named else ""
        if version.partition(".")[0] != model_id:
            raise BadFirmware("wrong_model")
        return Image(version, self._sum.hexdigest())


class FirmwareSlot:
    """The update slot: prepare, upload, upgrade; or download by AutoP.

    ``last_error`` keeps the reason of the last refusal.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._prepared = False
        self._image: Image | None = None
        self.last_error = ""
        # Since the program started.
        self.is_installed = False

    @property
    def status(self) -> str:
        if self._image is not None:
            return "uploaded"
        return "ready" if self._prepared else "idle"

    def prepare(self) -> None:
        """Must come first (manual).

        :raises BadFirmware: it will not.
        """
        self._prepared, self._image = False, None
        if faults.REFUSES_PREPARE in self._core.faults:
            raise self._refusal("busy")
        self._prepared = True

    async def receive(self, reader: ImageReader, piece: bytes) -> None:
        """A part of an image has come, by either way.

        :raises BadFirmware: it is too much.
        """
        reader.feed(piece)
        if faults.SLOW in self._core.faults:
            seconds = len(piece) / SLOW_PER_SECOND
            await asyncio.sleep(self._core.world.clock.real(seconds))

    def upload(self, name: str, reader: ImageReader) -> Image:
        """Take an image into the slot.

        :raises BadFirmware: not prepared, or the image is refused.
        """
        if not self._prepared or faults.REFUSES_UPLOAD in self._core.faults:
            raise self._refusal("not_prepared")
        self._image = self._checked(name, reader)
        return self._image

    def take(self, md5: str) -> Image:
        """The uploaded image, if ``md5`` (may be empty) is its own; empties the slot.

        :raises BadFirmware: nothing was uploaded, or the sums differ.
        """
        image = self._image
        if image is None:
            raise self._refusal("not_uploaded")
        if md5 and md5.lower() != image.md5:
            raise self._refusal("md5_mismatch")
        if faults.REFUSES_UPGRADE in self._core.faults:
            raise self._refusal("busy")
        self._prepared, self._image = False, None
        return image

    async def download(self, url: str) -> Image:
        """Fetch and check an image, as ``Config.Firmware.Url`` makes the unit do.

        :raises BadFirmware: ``download_failed``, or the image is refused.
        """
        core = self._core
        way = Outbound(
            session=core.world.session,
            user_agent=user_agent(core),
            verify=core.settings.flag("Config.Settings.SECURITY.OnlyAcceptTrusted"),
        )
        reader = ImageReader()

        async def take(piece: bytes, of: int) -> None:
            if faults.HALF_DOWNLOAD in core.faults and reader.size >= of // 2:
                raise OutboundError("broken off")
            await self.receive(reader, piece)

        try:
            reply = await way.fetch(url, timeout=DOWNLOAD_SECONDS, into=take)
        except OutboundError as error:
            raise self._refusal("download_failed") from error
        if reply.status != 200 or faults.DOWNLOAD in core.faults:
            raise self._refusal("download_failed")
        return self._checked(_file_name(url, reply.headers), reader)

    def install(self, image: Image) -> None:
        """Write the image; the unit must reboot now."""
        core, state = self._core, self._core.state
        self.last_error = ""
        self.is_installed = True
        if faults.WRONG_VERSION in core.faults:
            state.firmware = f"{core.model.model_id}.0.0.1"
        elif faults.KEEPS_OLD not in core.faults:
            state.firmware = image.version
        if faults.LOSES_USERS in core.faults:
            state.users.clear()
            state.schedules.clear()
        core.touch()

    @property
    def has_lost_sip(self) -> bool:
        """What it runs now does not register any more."""
        return self.is_installed and faults.NO_SIP in self._core.faults

    def _checked(self, name: str, reader: ImageReader) -> Image:
        if faults.CORRUPT in self._core.faults:
            raise self._refusal("bad_file")
        model = self._core.model
        try:
            image = reader.read(
                name, extension=model.firmware_ext, model_id=model.model_id
            )
        except BadFirmware as error:
            self.last_error = error.code
            raise
        if faults.MD5 in self._core.faults:
            return Image(image.version, "0" * len(image.md5))
        return image

    def _refusal(self, code: str) -> BadFirmware:
        self.last_error = code
        return BadFirmware(code)


def _file_name(url: str, headers: object) -> str:
    disposition = getattr(headers, "get", lambda _name, _other: "")(
        "Content-Disposition", ""
    )
    match = re.search(r'filename="?([^";]+)"?', disposition)
    if match:
        return match[1]
    return PurePosixPath(unquote(urlsplit(url).path)).name
