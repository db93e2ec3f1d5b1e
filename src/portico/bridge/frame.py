"""One picture of a unit's video stream, as a program of its own that can be killed.

Reads ``{"urls": […]}`` on standard input and writes a JPEG. Decoding a stranger's video
is the riskiest thing that a bridge does: it happens here, with little memory and time.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import av

MAX_BYTES: Final = 256 * 1024
_WIDEST: Final = 1280
# 1080p needs some 150 MB with all of FFmpeg's own; a bomb needs more.
_MEMORY_BYTES: Final = 768 * 1024 * 1024
_CPU_SECONDS: Final = 8
_MAX_PIXELS: Final = 4096 * 4096
# Some units send their next whole picture only after two seconds.
_READ_SECONDS: Final = 4.0
# From good to bad; a 1280 pixel wide picture has some 150 kB at the first.
_QUALITIES: Final = (4, 9, 16, 31)
_OPTIONS: Final = {
    "rtsp_transport": "tcp",
    "timeout": str(int(_READ_SECONDS * 1_000_000)),
    # Nobody needs to know the frame rate of one picture: that would take seconds.
    "fpsprobesize": "0",
    "analyzeduration": "1000000",
}
# Exit codes; the parent turns them into reasons of the contract.
REASONS: Final = {
    10: "no_video",
    11: "unauthorized",
    12: "no_stream",
    13: "unreachable",
    14: "no_answer",
}
_CODES: Final = {reason: code for code, reason in REASONS.items()}


class _Failed(Exception):
    """``reason`` is one of :data:`REASONS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def main() -> int:
    """Returns the exit code; says nothing, since messages would hold the password."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    urls = json.load(sys.stdin)["urls"]
    try:
        picture = _jpeg(_first_frame(urls))
    except _Failed as failed:
        return _CODES[failed.reason]
    sys.stdout.buffer.write(picture)
    sys.stdout.buffer.flush()
    return 0


def _first_frame(urls: list[str]) -> av.VideoFrame:
    """:raises _Failed: none of the streams shows anything."""
    reason = "no_stream"
    for url in urls:
        try:
            return _frame_of(url)
        except _Failed as failed:
            if failed.reason != "no_stream":
                raise
            reason = failed.reason
    raise _Failed(reason)


def _frame_of(url: str) -> av.VideoFrame:
    try:
        # Optional, and 80 MB: only a bridge that is asked for pictures has it.
        import av  # noqa: PLC0415
    except ImportError:
        raise _Failed("no_video") from None
    started = time.monotonic()
    try:
        with av.open(url, options=dict(_OPTIONS), timeout=_READ_SECONDS) as stream:
            for frame in stream.decode(video=0):
                if not 0 < frame.width * frame.height <= _MAX_PIXELS:
                    break
                return frame
    except av.error.HTTPUnauthorizedError as error:
        raise _Failed("unauthorized") from error
    except (av.error.HTTPClientError, av.error.HTTPServerError) as error:
        raise _Failed("no_stream") from error
    except (av.error.FFmpegError, IndexError) as error:
        # FFmpeg has many names for silence; the clock has one.
        if time.monotonic() - started >= _READ_SECONDS:
            raise _Failed("no_answer") from error
        is_away = isinstance(error, OSError)
        raise _Failed("unreachable" if is_away else "no_stream") from error
    raise _Failed("no_stream")


def _jpeg(frame: av.VideoFrame) -> bytes:
    """At most :data:`_WIDEST` pixels wide, and in :data:`MAX_BYTES`."""
    width, height = frame.width, frame.height
    if width > _WIDEST:
        width, height = _WIDEST, max(2, round(height * _WIDEST / width))
    # Chroma has half the size: both sides are even.
    small = frame.reformat(width & ~1, height & ~1, format="yuvj420p")
    for quality in _QUALITIES:
        picture = _encoded(small, quality)
        if len(picture) <= MAX_BYTES:
            return picture
    raise _Failed("no_stream")


def _encoded(frame: av.VideoFrame, quality: int) -> bytes:
    import av  # noqa: PLC0415

    encoder = av.VideoCodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = frame.width, frame.height
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": str(quality), "qmax": str(quality)}
    frame.pts = 0
    return b"".join(bytes(packet) for packet in encoder.encode(frame))


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
