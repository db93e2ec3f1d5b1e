"""The quality ladder of the device family: nothing is called done that is not proved."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
GRADES = ("bronze", "silver", "gold", "platinum")
LADDER: dict[str, Any] = yaml.safe_load(
    resources.files("portico.protocols.akuvox").joinpath("quality.yaml").read_text()
)
RULES = [
    (grade, name, rule) for grade in GRADES for name, rule in LADDER[grade].items()
]


@pytest.mark.parametrize(
    ("grade", "name", "rule"), RULES, ids=[name for _, name, _ in RULES]
)
def test_rule_is_proved_or_says_why_not(
    grade: str, name: str, rule: dict[str, Any]
) -> None:
    del grade, name
    assert rule["status"] in {"done", "exempt", "todo"}
    if rule["status"] == "done":
        assert rule["tests"] or rule["why"]
        for path in rule["tests"]:
            assert (ROOT / path).is_file(), path
    else:
        assert rule["why"]


def test_grade_is_the_one_that_is_reached() -> None:
    reached = ""
    for grade in GRADES:
        if any(rule["status"] == "todo" for rule in LADDER[grade].values()):
            break
        reached = grade
    assert reached == LADDER["grade"]
