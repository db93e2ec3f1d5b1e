"""What is read as a MAC, and as a part of one."""

from __future__ import annotations

import pytest

from portico.kernel.mac import mac_part

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("0c:11", "0C11"),
        (" 0C-11-05 ", "0C1105"),
        ("aabb", "AABB"),
        ("Front door", ""),
        ("0c 11", ""),
        ("", ""),
        ("0c:11:05:aa:bb:cc:dd", ""),
        ("--", ""),
    ],
)
def test_part_of_a_mac(text: str, part: str) -> None:
    assert mac_part(text) == part
