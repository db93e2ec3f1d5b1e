"""Which part of a file a request asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.gateway.ranges import Part, Unsatisfiable, read_range

pytestmark = pytest.mark.unit

TAG = "abc"


def read(text: str, condition: str = "") -> tuple[int, int, bool]:
    part = read_range(text, condition, size=100, etag=TAG)
    return part.start, part.end, part.is_whole


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=10-", 10, 100),
        ("bytes=99-", 99, 100),
        ("bytes=0-99", 0, 100),
        ("bytes=90-5000", 90, 100),
        ("bytes=-1", 99, 100),
        ("bytes=-500", 0, 100),
        ("Bytes= 10-19 ", 10, 20),
    ],
)
def test_one_part(text: str, start: int, end: int) -> None:
    assert read(text) == (start, end, False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bytes=",
        "bytes=-",
        "bytes=20-10",
        "bytes=0-1,5-6",
        "lines=0-1",
        "bytes=a-b",
        "bytes=٣-٤",
        f"bytes={'9' * 19}-",
    ],
)
def test_what_is_no_single_part_is_the_whole(text: str) -> None:
    assert read(text) == (0, 100, True)


@pytest.mark.parametrize("text", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_outside_the_file_is_nothing(text: str) -> None:
    with pytest.raises(Unsatisfiable):
        read(text)


def test_a_condition_must_be_this_very_file() -> None:
    assert read("bytes=10-", f'"{TAG}"') == (10, 100, False)
    for other in ('"abd"', f'W/"{TAG}"', TAG, "Mon, 23 Nov 2026 02:20:13 GMT"):
        assert read("bytes=10-", other) == (0, 100, True)


@given(st.text(), st.integers(1, 50))
def test_never_outside_the_file(text: str, size: int) -> None:
    try:
        part = read_range(f"bytes={text}", "", size=size, etag=TAG)
    except Unsatisfiable:
        return
    assert 0 <= part.start < part.end <= size
    assert part == Part(0, size, is_whole=True) or not part.is_whole
