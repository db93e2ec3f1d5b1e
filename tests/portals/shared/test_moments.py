"""How pages say when something was or will be."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(days=-2, minutes=-1), "2 days ago"),
        (timedelta(hours=-1, minutes=-1), "1 h ago"),
        (timedelta(seconds=-2), "just now"),
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=30, milliseconds=900), "in 30 s"),
        (timedelta(minutes=59, seconds=30), "in 59 min"),
        (timedelta(hours=3, seconds=30), "in 3 h"),
        (timedelta(days=1, seconds=30), "in 1 day"),
        (timedelta(days=30, seconds=30), "in 30 days"),
    ],
)
def test_a_moment_is_told_by_its_distance(away: timedelta, words: str) -> None:
    page = Template("{% load portico %}{% ago moment %}")
    shown = page.render(Context({"moment": timezone.now() + away}))
    assert f">{words}<" in shown
