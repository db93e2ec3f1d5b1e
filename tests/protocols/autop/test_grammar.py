from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.protocols.autop.grammar import (
    FileKind,
    FileRole,
    Line,
    Problem,
    ProblemCode,
    file_kind,
    is_key,
    parse,
)

pytestmark = pytest.mark.unit


def test_settings_comments_and_blank_lines() -> None:
    found = parse("# revision 7\n\nConfig.Account1.GENERAL.Enable = 1\n")

    assert found.settings == {"Config.Account1.GENERAL.Enable": "1"}
    assert found.lines == (Line(3, "Config.Account1.GENERAL.Enable", "1"),)
    assert found.problems == ()
    assert found.duplicates == {}


def test_empty_value_is_a_setting() -> None:
    assert parse("Config.A.B =\nConfig.A.C=").settings == {
        "Config.A.B": "",
        "Config.A.C": "",
    }


def test_value_keeps_equals_and_hash() -> None:
    url = "https://host/e/s?event=code&code=$code#x"

    assert parse(f"Config.A.B = {url} ").settings == {"Config.A.B": url}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_line_ending_is_read(newline: str) -> None:
    found = parse(newline.join(["\ufeffConfig.A.B = 1", "Config.A.C = 2"]))

    assert found.settings == {"Config.A.B": "1", "Config.A.C": "2"}
    assert found.problems == ()


def test_last_value_wins_and_the_key_is_reported() -> None:
    found = parse("Config.A.B = 1\nConfig.A.C = x\nConfig.A.B = 2\n")

    assert found.settings == {"Config.A.B": "2", "Config.A.C": "x"}
    assert found.duplicates == {"Config.A.B": (1, 3)}


def test_problems_name_line_and_reason() -> None:
    found = parse("Config.A.B 1\nnonsense = 1\nConfig. = 1\nConfig.A.B = a\x01b\n")

    assert found.settings == {}
    assert found.problems == (
        Problem(1, ProblemCode.NO_EQUALS, "Config.A.B 1"),
        Problem(2, ProblemCode.BAD_KEY, "nonsense = 1"),
        Problem(3, ProblemCode.BAD_KEY, "Config. = 1"),
        Problem(4, ProblemCode.CONTROL_CHARACTER, "Config.A.B = a\x01b"),
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("r000000000029.cfg", FileKind(FileRole.COMMON, model_id="29")),
        ("r29.cfg", FileKind(FileRole.COMMON, model_id="29")),
        ("r000000000915.cfg", FileKind(FileRole.COMMON, model_id="915")),
        ("r0000000312B.cfg", FileKind(FileRole.COMMON, model_id="312", variant="B")),
        ("r0.cfg", FileKind(FileRole.COMMON, model_id="0")),
        ("0C1105AABBCC.cfg", FileKind(FileRole.DEVICE, mac="0C1105AABBCC")),
        ("0c1105aabbcc.cfg", FileKind(FileRole.DEVICE, mac="0C1105AABBCC")),
    ],
)
def test_file_names(name: str, expected: FileKind) -> None:
    assert file_kind(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        "r.cfg",
        "R29.cfg",
        "r29b.cfg",
        "r29.CFG",
        "r29.cfg\n",
        "0C1105AABBC.cfg",
        "000000000000.cfg",
        "FFFFFFFFFFFF.cfg",
        "0C:11:05:AA:BB:CC.cfg",
        "../r29.cfg",
        "favicon.ico",
    ],
)
def test_other_names_are_neither(name: str) -> None:
    assert file_kind(name) is None


def test_is_key() -> None:
    assert is_key("Config.Features.ACTIONURL.RelayATriggered")
    assert not is_key("Config")
    assert not is_key("config.a.b")


@given(st.text())
def test_parse_never_raises_and_settings_follow_lines(text: str) -> None:
    found = parse(text)

    assert found.settings == {line.key: line.value for line in found.lines}
    assert all(is_key(key) for key in found.settings)


@given(
    st.dictionaries(
        st.from_regex(r"Config(\.[A-Za-z0-9_]{1,8}){1,4}", fullmatch=True),
        st.text(st.characters(min_codepoint=33, max_codepoint=126)),
        max_size=8,
    )
)
def test_written_settings_are_read_back(settings: dict[str, str]) -> None:
    text = "".join(f"{key} = {value}\n" for key, value in settings.items())

    assert parse(text).settings == settings
