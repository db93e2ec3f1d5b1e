"""Firmware files: reading them, checking them, and the unit's update slot."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

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

# Faults that can be switched on (act "fault").
FAULT_DOWNLOAD: Final = "firmware_download"
FAULT_CORRUPT: Final = "firmware_corrupt"
FAULT_KEEPS_OLD: Final = "firmware_keeps_old"
FAULT_BRICKS: Final = "firmware_bricks"


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


def read_image(name: str, content: bytes, *, extension: str, model_id: str) -> Image:
    """Check an image for a model.

    :raises BadFirmware: ``bad_type`` (not the model's ``.rom`` or ``.zip``),
        ``bad_file`` (no version to be found, or empty), ``wrong_model``.
    """
    if PurePosixPath(name).suffix.lower() != f".{extension}":
        raise BadFirmware("bad_type")
    header = _HEADER.match(content[:_HEADER_BYTES])
    named = _VERSION_IN_NAME.search(PurePosixPath(name).stem)
    if not content or not (header or named):
        raise BadFirmware("bad_file")
    version = header[1].decode() if header else named[1] if named else ""
    if version.partition(".")[0] != model_id:
        raise BadFirmware("wrong_model")
    return Image(version, hashlib.md5(content, usedforsecurity=False).hexdigest())


class FirmwareSlot:
    """The update slot: prepare, upload, upgrade; or download by AutoP.

    ``last_error`` keeps the reason of the last refusal.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._prepared = False
        self._image: Image | None = None
        self.last_error = ""

    @property
    def status(self) -> str:
        if self._image is not None:
            return "uploaded"
        return "ready" if self._prepared else "idle"

    def prepare(self) -> None:
        """Must come first (manual)."""
        self._prepared = True
        self._image = None

    def upload(self, name: str, content: bytes) -> Image:
        """Take an image into the slot.

        :raises BadFirmware: not prepared, or the image is refused.
        """
        if not self._prepared:
            raise self._refusal("not_prepared")
        self._image = self._checked(name, content)
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
        try:
            reply = await way.fetch(
                url, max_bytes=MAX_IMAGE_BYTES, timeout=DOWNLOAD_SECONDS
            )
        except OutboundError as error:
            raise self._refusal("download_failed") from error
        if reply.status != 200 or FAULT_DOWNLOAD in core.faults:
            raise self._refusal("download_failed")
        return self._checked(_file_name(url, reply.headers), reply.body)

    def install(self, image: Image) -> None:
        """Write the image; the unit must reboot now."""
        self.last_error = ""
        if FAULT_KEEPS_OLD not in self._core.faults:
            self._core.state.firmware = image.version
        self._core.touch()

    def _checked(self, name: str, content: bytes) -> Image:
        if FAULT_CORRUPT in self._core.faults:
            raise self._refusal("bad_file")
        model = self._core.model
        try:
            return read_image(
                name, content, extension=model.firmware_ext, model_id=model.model_id
            )
        except BadFirmware as error:
            self.last_error = error.code
            raise

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
