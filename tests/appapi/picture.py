"""Just enough PNG to look at a QR code: one channel, at most eight bits, no interlace."""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AS_IT_IS, _ADDED_TO_ABOVE = 0, 2


def gray_png(data: bytes) -> list[list[int]]:
    """The rows of ``data`` as values from 0, black."""
    assert data.startswith(SIGNATURE)
    chunks: dict[bytes, bytes] = {}
    at = len(SIGNATURE)
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        chunks[kind] = chunks.get(kind, b"") + data[at + 8 : at + 8 + length]
        at += length + 12
    width, height, depth, colour, _, _, interlace = struct.unpack(
        ">IIBBBBB", chunks[b"IHDR"]
    )
    assert (colour, interlace) == (0, 0)
    stride = (width * depth + 7) // 8
    raw = zlib.decompress(chunks[b"IDAT"])
    rows = []
    line = bytes(stride)
    for number in range(height):
        how, *found = raw[number * (stride + 1) : (number + 1) * (stride + 1)]
        assert how in {_AS_IT_IS, _ADDED_TO_ABOVE}
        above = line if how == _ADDED_TO_ABOVE else bytes(stride)
        line = bytes((a + b) & 0xFF for a, b in zip(found, above, strict=True))
        rows.append(_unpack(line, depth, width))
    return rows


def _unpack(line: bytes, depth: int, width: int) -> list[int]:
    per_byte, mask = 8 // depth, (1 << depth) - 1
    return [
        line[x // per_byte] >> (8 - depth * (x % per_byte + 1)) & mask
        for x in range(width)
    ]
