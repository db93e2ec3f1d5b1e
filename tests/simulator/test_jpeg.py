from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest

from portico.simulator import jpeg
from portico.simulator.jpeg import Canvas, encode, quantisers
from portico.simulator.picture import MAIN_SIZE, frame, snapshot
from portico.simulator.rtp_jpeg import JpegStream

pytestmark = pytest.mark.unit

NOW = datetime(2026, 7, 15, 12, 34, 56, tzinfo=UTC)


class _Reader:
    """Reads Huffman codes and bits of a scan, independently of the encoder's tables."""

    def __init__(self, scan: bytes) -> None:
        plain = scan.replace(b"\xff\x00", b"\xff")
        self._bits = "".join(f"{byte:08b}" for byte in plain)
        self._at = 0

    def bits(self, count: int) -> int:
        text = self._bits[self._at : self._at + count]
        self._at += count
        return int(text, 2) if text else 0

    def symbol(self, table: dict[str, int]) -> int:
        code = ""
        while code not in table:
            code += self._bits[self._at]
            self._at += 1
        return table[code]

    def value(self, category: int) -> int:
        raw = self.bits(category)
        if category and raw < 1 << (category - 1):
            raw -= (1 << category) - 1
        return raw


def _segments(data: bytes) -> tuple[dict[int, list[bytes]], bytes]:
    found: dict[int, list[bytes]] = {}
    at = 2
    while True:
        marker, size = struct.unpack_from(">xBH", data, at)
        found.setdefault(marker, []).append(data[at + 4 : at + 2 + size])
        at += 2 + size
        if marker == 0xDA:
            return found, data[at:-2]


def _tables(segments: list[bytes]) -> dict[int, dict[str, int]]:
    tables: dict[int, dict[str, int]] = {}
    for content in segments:
        counts, symbols = content[1:17], iter(content[17:])
        code, table = 0, {}
        for length, count in enumerate(counts, start=1):
            for _ in range(count):
                table[f"{code:0{length}b}"] = next(symbols)
                code += 1
            code <<= 1
        tables[content[0]] = table
    return tables


def _luma_means(data: bytes) -> list[list[float]]:
    """The mean of every luma block, read from the file alone."""
    segments, scan = _segments(data)
    height, width = struct.unpack_from(">HH", segments[0xC0][0], 1)
    step = {content[0]: content[1] for content in segments[0xDB]}
    tables, reader = _tables(segments[0xC4]), _Reader(scan)
    means = [[0.0] * (width // 8) for _ in range(height // 8)]
    previous = [0, 0, 0]
    for top in range(0, height // 8, 2):
        for left in range(0, width // 8, 2):
            for place in range(6):
                part = max(0, place - 3)
                which = min(part, 1)
                category = reader.symbol(tables[which])
                previous[part] += reader.value(category)
                done = 1
                while done < 64:
                    code = reader.symbol(tables[0x10 | which])
                    if code == 0:
                        break
                    done += (code >> 4) + 1
                    reader.bits(code & 15)
                if part == 0:
                    mean = previous[0] * step[0] / 8 + 128
                    means[top + place // 2][left + place % 2] = mean
    return means


def _block_mean(canvas: Canvas, column: int, row: int) -> float:
    return (
        sum(
            sum(canvas.luma[y * canvas.width + column * 8 :][:8])
            for y in range(row * 8, row * 8 + 8)
        )
        / 64
    )


def test_file_decodes_to_what_was_drawn() -> None:
    canvas = Canvas.blank(48, 32)
    for place in range(len(canvas.luma)):
        canvas.luma[place] = (place * 7 + place // 48 * 31) % 256

    means = _luma_means(encode(canvas, 80).jpeg)

    for row in range(4):
        for column in range(6):
            drawn = _block_mean(canvas, column, row)
            assert abs(means[row][column] - drawn) <= quantisers(80)[0][0] / 8


def test_file_has_the_markers_of_a_jpeg() -> None:
    data = snapshot("R20A", "0C1105000001", NOW)
    segments, _scan = _segments(data)

    assert data.startswith(b"\xff\xd8\xff\xe0")
    assert data.endswith(b"\xff\xd9")
    assert struct.unpack_from(">HH", segments[0xC0][0], 1) == (240, 320)
    assert len(segments[0xDB]) == 2
    assert sorted(content[0] for content in segments[0xC4]) == [0x00, 0x01, 0x10, 0x11]


def test_clock_runs_in_the_picture() -> None:
    later = NOW.replace(second=57)

    assert snapshot("R20A", "0C1105000001", NOW) == snapshot(
        "R20A", "0C1105000001", NOW
    )
    assert snapshot("R20A", "0C1105000001", NOW) != snapshot(
        "R20A", "0C1105000001", later
    )


@pytest.mark.parametrize("size", [(0, 16), (20, 16), (16, 120)])
def test_sides_are_multiples_of_16(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="16"):
        Canvas.blank(*size)


def test_quantisers_scale_as_rfc_2435() -> None:
    assert quantisers(50)[0][:3] == (16, 11, 12)
    assert quantisers(99)[0][:3] == (1, 1, 1)
    assert quantisers(1)[1][0] == 255


def test_huffman_tables_are_complete() -> None:
    assert len(jpeg._AC_LUMA_VALUES) == sum(jpeg._AC_LUMA_BITS) == 162
    assert len(set(jpeg._AC_CHROMA_VALUES)) == sum(jpeg._AC_CHROMA_BITS) == 162


def test_rtp_packets_carry_the_scan() -> None:
    picture = frame("R20A", "0C1105000001", NOW, size=MAIN_SIZE)
    stream = JpegStream(ssrc=7, sequence=0xFFFE, timestamp=1000)

    packets = list(stream.packets(picture))

    assert b"".join(packet[20:] for packet in packets) == picture.scan
    offsets = [int.from_bytes(packet[13:16], "big") for packet in packets]
    assert offsets == [1400 * index for index in range(len(packets))]
    assert [packet[1] >> 7 for packet in packets] == [0] * (len(packets) - 1) + [1]
    assert {packet[1] & 0x7F for packet in packets} == {26}
    numbers = [int.from_bytes(packet[2:4], "big") for packet in packets]
    assert numbers[:3] == [0xFFFE, 0xFFFF, 0]
    assert packets[0][16:20] == bytes((1, picture.quality, 40, 30))
    assert all(len(packet) <= 1420 for packet in packets)
