"""What the camera sees: a drawn front door with the unit's name and a running clock."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final

from portico.simulator.jpeg import Canvas, Frame, encode

MAIN_SIZE: Final = (320, 240)
SUB_SIZE: Final = (160, 112)
QUALITY: Final = 60

Colour = tuple[int, int, int]
_SKY: Final = (150, 190, 230)
_WALL: Final = (196, 178, 160)
_DOOR: Final = (120, 70, 40)
_FRAME: Final = (60, 40, 30)
_HANDLE: Final = (220, 190, 90)
_PATH: Final = (110, 112, 116)
_PLATE: Final = (20, 24, 32)
_INK: Final = (240, 240, 240)
# 3 x 5 dots per sign, one digit of base 8 per row.
_FONT: Final = dict(
    pair.split("=")
    for pair in [
        "0=75557",
        "1=26227",
        "2=71747",
        "3=71717",
        "4=55711",
        "5=74717",
        "6=74757",
        "7=71222",
        "8=75757",
        "9=75717",
        "A=25755",
        "B=65656",
        "C=34443",
        "D=65556",
        "E=74747",
        "F=74744",
        "I=72227",
        "K=55655",
        "R=65655",
        "S=34216",
        "T=72222",
        "W=55575",
        "X=55255",
        "-=00700",
        ":=02020",
    ]
)


def snapshot(model: str, mac: str, now: datetime) -> bytes:
    """The picture at local time ``now`` as a JPEG file."""
    return frame(model, mac, now, size=MAIN_SIZE).jpeg


def frame(model: str, mac: str, now: datetime, *, size: tuple[int, int]) -> Frame:
    """The picture at local time ``now``; the same second gives the same object."""
    clock = now.strftime("%Y-%m-%d %H:%M:%S")
    return _frame(f"{model} {mac}", clock, size)


@lru_cache(64)
def _frame(title: str, clock: str, size: tuple[int, int]) -> Frame:
    width, height = size
    canvas = Canvas.blank(width, height)
    scale = width // 160
    unit = height // 16
    _fill(canvas, (0, 0, width, unit * 4), _SKY)
    _fill(canvas, (0, unit * 4, width, unit * 9), _WALL)
    _fill(canvas, (0, unit * 13, width, unit * 3), _PATH)
    left = width // 2 - unit * 2
    _fill(canvas, (left - 4, unit * 5 - 4, unit * 4 + 8, unit * 8 + 4), _FRAME)
    _fill(canvas, (left, unit * 5, unit * 4, unit * 8), _DOOR)
    _fill(canvas, (left + unit * 3, unit * 9, unit // 2, unit // 2), _HANDLE)
    _fill(canvas, (0, 0, width, 8 * scale), _PLATE)
    _fill(canvas, (0, height - 8 * scale, width, 8 * scale), _PLATE)
    _write(canvas, clock, (2 * scale, scale), scale)
    _write(canvas, title, (2 * scale, height - 7 * scale), scale)
    return encode(canvas, QUALITY)


def _fill(canvas: Canvas, box: tuple[int, int, int, int], colour: Colour) -> None:
    left, top, width, height = box
    luma, blue, red = _ycbcr(colour)
    for row in range(max(top, 0), min(top + height, canvas.height)):
        start = row * canvas.width + left
        canvas.luma[start : start + width] = bytes((luma,)) * width
    half = canvas.width // 2
    for row in range(max(top, 0) // 2, min(top + height, canvas.height) // 2):
        start, count = row * half + left // 2, width // 2
        canvas.blue[start : start + count] = bytes((blue,)) * count
        canvas.red[start : start + count] = bytes((red,)) * count


def _write(canvas: Canvas, text: str, at: tuple[int, int], scale: int) -> None:
    ink = bytes((_ycbcr(_INK)[0],)) * scale
    for place, sign in enumerate(text.upper()):
        rows = _FONT.get(sign, "00000")
        left = at[0] + place * 4 * scale
        if left + 3 * scale > canvas.width:
            return
        for y, row in enumerate(rows):
            for x in range(3):
                if int(row) & (4 >> x):
                    _dot(canvas, (left + x * scale, at[1] + y * scale), ink)


def _dot(canvas: Canvas, at: tuple[int, int], ink: bytes) -> None:
    for row in range(at[1], at[1] + len(ink)):
        start = row * canvas.width + at[0]
        canvas.luma[start : start + len(ink)] = ink


def _ycbcr(colour: Colour) -> tuple[int, int, int]:
    """JFIF's conversion (full range BT.601)."""
    red, green, blue = colour
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return (
        round(luma),
        round(128 + (blue - luma) * 0.564),
        round(128 + (red - luma) * 0.713),
    )
