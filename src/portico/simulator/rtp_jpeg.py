"""RTP packets of JPEG pictures (RFC 2435, type 1 = YCbCr 4:2:0, RFC 3550 header)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from portico.simulator.jpeg import Frame

PAYLOAD_TYPE: Final = 26
CLOCK_RATE: Final = 90_000
# Leaves room for IP, UDP and tunnel headers in an Ethernet frame.
MAX_PAYLOAD_BYTES: Final = 1400
_TYPE_420: Final = 1
_VERSION: Final = 0x80
_MARKER: Final = 0x80


class JpegStream:
    """Numbers the packets of one stream."""

    def __init__(self, *, ssrc: int, sequence: int, timestamp: int) -> None:
        self._ssrc = ssrc
        self._sequence = sequence
        self._timestamp = timestamp

    @property
    def next_sequence(self) -> int:
        return self._sequence

    @property
    def timestamp(self) -> int:
        return self._timestamp

    def packets(self, frame: Frame) -> Iterator[bytes]:
        """The packets of the next picture; the last one carries the marker.

        ``Q`` is the frame's quality (1 to 99), so receivers compute the tables.
        """
        scan = frame.scan
        for offset in range(0, len(scan), MAX_PAYLOAD_BYTES):
            chunk = scan[offset : offset + MAX_PAYLOAD_BYTES]
            is_last = offset + len(chunk) >= len(scan)
            yield (
                self._header(_MARKER if is_last else 0)
                + struct.pack(
                    ">IBBBB",
                    offset,
                    _TYPE_420,
                    frame.quality,
                    frame.width // 8,
                    frame.height // 8,
                )
                + chunk
            )
            self._sequence = (self._sequence + 1) & 0xFFFF

    def advance(self, ticks: int) -> None:
        """Time goes on by ``ticks`` of the 90 kHz clock."""
        self._timestamp = (self._timestamp + ticks) & 0xFFFFFFFF

    def _header(self, marker: int) -> bytes:
        return struct.pack(
            ">BBHII",
            _VERSION,
            marker | PAYLOAD_TYPE,
            self._sequence,
            self._timestamp,
            self._ssrc,
        )
