"""A small baseline JPEG encoder: YCbCr 4:2:0, the standard Huffman tables.

ITU-T T.81 (process, annex K tables). Written for drawn scenes: equal blocks are encoded
once and remembered, which makes flat areas nearly free. The same scan is what RFC 2435
(RTP payload, type 1) carries, so :class:`Frame` keeps it apart from the headers.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

MCU: Final = 16
# Blocks remembered; a scene of 320 x 240 has 1800, most of them equal.
_CACHE_BLOCKS: Final = 8192

_ZIGZAG: Final = (
    *(0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5),
    *(12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28),
    *(35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51),
    *(58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63),
)
# Annex K.1 quantisation tables in zig-zag order, as RFC 2435 scales them.
_LUMA_Q: Final = (
    *(16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40),
    *(26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51),
    *(56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87),
    *(95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99),
)
_CHROMA_Q: Final = (
    *(17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99),
    *((99,) * 48),
)
_DC_LUMA_BITS: Final = (0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)
_DC_CHROMA_BITS: Final = (0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0)
_DC_VALUES: Final = tuple(range(12))
_AC_LUMA_BITS: Final = (0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125)
_AC_LUMA_VALUES: Final = bytes.fromhex(
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a16"
    "1718191a25262728292a3435363738393a434445464748494a535455565758595a63646566676869"
    "6a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6"
    "b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8"
    "f9fa"
)
_AC_CHROMA_BITS: Final = (0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119)
_AC_CHROMA_VALUES: Final = bytes.fromhex(
    "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434"
    "e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768"
    "696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4"
    "b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8"
    "f9fa"
)

Block = tuple[int, ...]
Bits = tuple[int, int]  # value, length


@dataclass(frozen=True, slots=True)
class Canvas:
    """Three planes of bytes: full luma, and chroma at half size in both directions.

    Width and height are multiples of 16.
    """

    width: int
    height: int
    luma: bytearray
    blue: bytearray
    red: bytearray

    @staticmethod
    def blank(width: int, height: int) -> Canvas:
        """A black canvas.

        :raises ValueError: a side is no multiple of 16.
        """
        if width % MCU or height % MCU or width <= 0 or height <= 0:
            raise ValueError("sides are multiples of 16")
        small = width * height // 4
        return Canvas(
            width,
            height,
            bytearray(width * height),
            bytearray(b"\x80" * small),
            bytearray(b"\x80" * small),
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """An encoded picture: ``scan`` is the entropy-coded data without any header."""

    width: int
    height: int
    quality: int
    scan: bytes

    @property
    def jpeg(self) -> bytes:
        """A complete JFIF file."""
        return b"".join((_headers(self), self.scan, b"\xff\xd9"))


def encode(canvas: Canvas, quality: int) -> Frame:
    """Encode a canvas; ``quality`` 1 to 99 with the scaling of RFC 2435."""
    writer = _BitWriter()
    previous = [0, 0, 0]
    half = canvas.width // 2
    for top in range(0, canvas.height, MCU):
        for left in range(0, canvas.width, MCU):
            for dy in (0, 8):
                for dx in (0, 8):
                    block = _cut(canvas.luma, canvas.width, left + dx, top + dy)
                    previous[0] = _put(writer, block, quality, 0, previous[0])
            for index, plane in ((1, canvas.blue), (2, canvas.red)):
                block = _cut(plane, half, left // 2, top // 2)
                previous[index] = _put(writer, block, quality, 1, previous[index])
    return Frame(canvas.width, canvas.height, quality, writer.finish())


def quantisers(quality: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Luma and chroma tables in zig-zag order for ``quality`` (RFC 2435, appendix A)."""
    factor = 5000 // quality if quality < 50 else 200 - quality * 2
    return tuple(
        tuple(min(max((each * factor + 50) // 100, 1), 255) for each in table)
        for table in (_LUMA_Q, _CHROMA_Q)
    )  # type: ignore[return-value]


class _BitWriter:
    def __init__(self) -> None:
        self._out = bytearray()
        self._held = 0
        self._count = 0

    def put(self, bits: Bits) -> None:
        value, length = bits
        self._held = (self._held << length) | value
        self._count += length
        while self._count >= 8:
            self._count -= 8
            byte = (self._held >> self._count) & 0xFF
            self._out.append(byte)
            if byte == 0xFF:
                self._out.append(0)
        self._held &= (1 << self._count) - 1

    def finish(self) -> bytes:
        """Fill the last byte with ones."""
        if self._count:
            rest = 8 - self._count
            self.put(((1 << rest) - 1, rest))
        return bytes(self._out)


def _codes(bits: Sequence[int], values: Sequence[int]) -> dict[int, Bits]:
    """Annex C: the code of every symbol from the counts per length."""
    found: dict[int, Bits] = {}
    code = index = 0
    for length, count in enumerate(bits, start=1):
        for _ in range(count):
            found[values[index]] = (code, length)
            code += 1
            index += 1
        code <<= 1
    return found


_DC: Final = (_codes(_DC_LUMA_BITS, _DC_VALUES), _codes(_DC_CHROMA_BITS, _DC_VALUES))
_AC: Final = (
    _codes(_AC_LUMA_BITS, _AC_LUMA_VALUES),
    _codes(_AC_CHROMA_BITS, _AC_CHROMA_VALUES),
)
_COSINES: Final = tuple(
    tuple(
        math.cos((2 * x + 1) * u * math.pi / 16) * (math.sqrt(0.125) if u == 0 else 0.5)
        for x in range(8)
    )
    for u in range(8)
)


def _cut(plane: bytearray, width: int, left: int, top: int) -> bytes:
    return b"".join(
        plane[row * width + left : row * width + left + 8]
        for row in range(top, top + 8)
    )


def _put(
    writer: _BitWriter, block: bytes, quality: int, table: int, previous: int
) -> int:
    dc, tail = _encoded(block, quality, table)
    category = abs(dc - previous).bit_length()
    writer.put(_DC[table][category])
    if category:
        writer.put(_amplitude(dc - previous, category))
    for bits in tail:
        writer.put(bits)
    return dc


@lru_cache(_CACHE_BLOCKS)
def _encoded(block: bytes, quality: int, table: int) -> tuple[int, tuple[Bits, ...]]:
    """The quantised DC value of an 8 x 8 block, and the codes of its AC values."""
    if block.count(block[0]) == 64:
        dc = round((block[0] - 128) * 8 / quantisers(quality)[table][0])
        return dc, (_AC[table][0x00],)
    values = _quantised(block, quantisers(quality)[table])
    tail: list[Bits] = []
    run = 0
    for value in values[1:]:
        if not value:
            run += 1
            continue
        while run > 15:
            tail.append(_AC[table][0xF0])
            run -= 16
        category = abs(value).bit_length()
        tail.append(_AC[table][run << 4 | category])
        tail.append(_amplitude(value, category))
        run = 0
    if run:
        tail.append(_AC[table][0x00])
    return values[0], tuple(tail)


def _quantised(block: bytes, table: Sequence[int]) -> list[int]:
    rows = [
        [
            sum((block[y * 8 + x] - 128) * cosines[x] for x in range(8))
            for cosines in _COSINES
        ]
        for y in range(8)
    ]
    spectrum = [
        sum(rows[y][u] * cosines[y] for y in range(8))
        for cosines in _COSINES
        for u in range(8)
    ]
    return [
        round(spectrum[place] / step)
        for place, step in zip(_ZIGZAG, table, strict=True)
    ]


def _amplitude(value: int, category: int) -> Bits:
    return (value if value > 0 else value + (1 << category) - 1, category)


def _headers(frame: Frame) -> bytes:
    luma, chroma = quantisers(frame.quality)
    components = bytes((1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1))
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\0" + bytes((1, 1, 0, 0, 1, 0, 1, 0, 0))),
            _segment(0xDB, bytes((0, *luma))),
            _segment(0xDB, bytes((1, *chroma))),
            _segment(
                0xC0,
                struct.pack(">BHHB", 8, frame.height, frame.width, 3) + components,
            ),
            _segment(0xC4, bytes((0x00, *_DC_LUMA_BITS, *_DC_VALUES))),
            _segment(0xC4, bytes((0x10, *_AC_LUMA_BITS)) + _AC_LUMA_VALUES),
            _segment(0xC4, bytes((0x01, *_DC_CHROMA_BITS, *_DC_VALUES))),
            _segment(0xC4, bytes((0x11, *_AC_CHROMA_BITS)) + _AC_CHROMA_VALUES),
            _segment(0xDA, bytes((3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0))),
        )
    )


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
