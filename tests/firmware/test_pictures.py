"""The pictures in the docs are those of the code."""

from __future__ import annotations

from tools.state_pictures import PAGE, page


def test_the_pictures_are_those_of_the_code() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python tools/state_pictures.py"
