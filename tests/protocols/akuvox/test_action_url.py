"""What devices' GETs mean, and the templates that make them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.protocols.akuvox.action_url import (
    KEY_PREFIX,
    KEYS,
    ActionEvent,
    BadActionUrl,
    EventKind,
    parse,
    templates,
)

pytestmark = pytest.mark.unit

BASE = "https://gate.example.org"
SECRET = "s" * 24
TAIL = "&mac=0c:11:05:aa:bb:cc&ip=192.168.1.20&model=R20A&fw=320.30.11.63&cfg=r7"


def refused(query: bytes) -> str:
    with pytest.raises(BadActionUrl) as caught:
        parse(query)
    return caught.value.code


def test_templates_relay_has_event_variables_and_globals() -> None:
    lines = templates(BASE, SECRET, config_revision="r7")

    assert lines[f"{KEY_PREFIX}Enable"] == "1"
    assert lines[f"{KEY_PREFIX}Method"] == ""
    assert lines[f"{KEY_PREFIX}RelayBTriggered"] == (
        f"{BASE}/e/{SECRET}?event=RelayBTriggered&status=$relay2status"
        "&mac=$mac&ip=$ip&model=$model&fw=$firmware&cfg=r7"
    )
    assert len(lines) == len(KEYS) + 2


def test_templates_longest_is_within_255() -> None:
    short = templates("https://h", SECRET, config_revision="r7")
    spare = 255 - max(len(url) for url in short.values())
    base = "https://h" + "h" * spare

    longest = max(
        len(url) for url in templates(base, SECRET, config_revision="r7").values()
    )

    assert longest == 255
    with pytest.raises(ValueError, match="has 256 characters"):
        templates(base + "h", SECRET, config_revision="r7")


@pytest.mark.parametrize(
    ("base", "secret", "revision"),
    [
        ("ftp://host", SECRET, "r7"),
        ("https://host?x=1", SECRET, "r7"),
        ("https://ho st", SECRET, "r7"),
        (BASE, "a/b", "r7"),
        (BASE, "", "r7"),
        (BASE, SECRET, "$mac"),
        (BASE, SECRET, "a\nConfig.X = 1"),
    ],
)
def test_templates_text_that_needs_escaping_is_refused(
    base: str, secret: str, revision: str
) -> None:
    with pytest.raises(ValueError, match=r"characters|words"):
        templates(base, secret, config_revision=revision)


def test_parse_relay() -> None:
    event = parse(b"event=RelayCTriggered&status=1" + TAIL.encode())

    assert event.kind is EventKind.RELAY_TRIGGERED
    assert event.mac == "0C1105AABBCC"
    assert event.raw_code is None
    assert event.data == {
        "relay": 3,
        "status": "1",
        "ip": "192.168.1.20",
        "model": "R20A",
        "firmware": "320.30.11.63",
        "config": "r7",
    }


@pytest.mark.parametrize("suffix", sorted(KEYS))
def test_parse_reads_what_every_template_sends(suffix: str) -> None:
    url = templates(BASE, SECRET, config_revision="r7")[KEY_PREFIX + suffix]
    query = url.partition("?")[2].replace("$mac", "0C1105AABBCC")

    event = parse(query.encode())

    assert event.kind is KEYS[suffix].kind
    assert event.data == {**KEYS[suffix].fixed, "config": "r7"}
    assert event.mac == "0C1105AABBCC"


def test_every_kind_but_guest_opened_has_a_key() -> None:
    assert {key.kind for key in KEYS.values()} == set(EventKind) - {
        EventKind.GUEST_OPENED
    }


def test_parse_code_is_masked_and_not_shown() -> None:
    event = parse(b"event=InvalidCodeEntered&code=482913")

    assert event.kind is EventKind.CODE_REFUSED
    assert event.data == {"code": "••••••"}
    assert event.raw_code == "482913"
    assert "482913" not in repr(event)


@pytest.mark.parametrize(
    ("card", "masked"),
    [("A1B2C3D4", "•••••3D4"), ("1234567", "••••567"), ("123456", "••••••")],
)
def test_parse_card_keeps_the_last_three_of_long_numbers(
    card: str, masked: str
) -> None:
    event = parse(f"event=ValidCardEntered&user=Ann&card={card}".encode())

    assert event.data == {"user": "Ann", "card": masked}
    assert event.raw_code is None
    assert card not in repr(event)


def test_parse_qr_is_masked_whole() -> None:
    event = parse(b"event=InvalidQRCodeEntered&open=QR&qr=7781225")

    assert event.data == {"method": "QR", "qr": "••••••••"}
    assert event.raw_code == "7781225"


def test_parse_secret_in_a_foreign_event_is_masked_too() -> None:
    event = parse(b"event=RelayATriggered&code=1234&card=12345678&qr=99")

    assert event.data["code"] == "••••"
    assert event.data["card"] == "•••••678"
    assert event.data["qr"] == "••••••••"


def test_parse_unfilled_variables_are_dropped() -> None:
    event = parse(b"event=ValidFaceRecognition&method=$unlocktype&open=Face&ip=%24ip")

    assert event.data == {"method": "Face"}


def test_parse_stranger_cannot_inject_fields_through_a_qr_content() -> None:
    hostile = b"&qr=1&event=ValidQRCodeEntered&user=Owner&mac=0C1105000001"
    event = parse(
        b"event=ValidQRCodeEntered&method=QR&user=Guest" + hostile + TAIL.encode()
    )

    assert event.data["user"] == "Guest"
    assert event.mac == "0C1105AABBCC"


def test_parse_keeps_plus_and_decodes_percent() -> None:
    event = parse(b"event=MakeCall&remote=+4930123&location=T%C3%BCr%201")

    assert event.data == {"remote": "+4930123", "location": "Tür 1"}


def test_parse_persian_name_with_joiner_is_kept() -> None:
    name = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"
    event = parse(f"event=ValidCardEntered&user={name}".encode())

    assert event.data["user"] == name


def test_parse_cuts_long_values() -> None:
    event = parse(b"event=MakeCall&remote=" + b"9" * 500)

    assert event.data["remote"] == "9" * 64


@pytest.mark.parametrize(
    ("mac", "expected"),
    [("0c-11-05-aa-bb-cc", "0C1105AABBCC"), ("nonsense", None), ("", None)],
)
def test_parse_mac_is_normalised_or_none(mac: str, expected: str | None) -> None:
    assert parse(f"event=SetupCompleted&mac={mac}".encode()).mac == expected


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (b"event=SetupCompleted&x=" + b"a" * 2048, "too_long"),
        (b"event=SetupCompleted" + b"&a=b" * 32, "too_long"),
        (b"event=SetupCompleted&user=\xff", "garbled"),
        (b"event=SetupCompleted&user=%FF", "garbled"),
        (b"event=SetupCompleted&user=a%0Ab", "garbled"),
        (b"event=SetupCompleted&user=a\x00b", "garbled"),
        ("event=SetupCompleted&user=a\u202eb".encode(), "garbled"),
        (b"", "unknown_event"),
        (b"event=", "unknown_event"),
        (b"event=Enable", "unknown_event"),
        (b"event=relayatriggered", "unknown_event"),
    ],
)
def test_parse_refuses(query: bytes, code: str) -> None:
    assert refused(query) == code


def test_parse_error_holds_nothing_of_the_query() -> None:
    with pytest.raises(BadActionUrl) as caught:
        parse(b"event=Nothing&code=4711")

    assert str(caught.value) == "unknown_event"


def test_fingerprint_ignores_spelling_but_not_content() -> None:
    one = parse(b"event=RelayATriggered&status=1&mac=0c1105aabbcc")
    same = parse(b"event=RelayATriggered&mac=0C:11:05:AA:BB:CC&status=%31")
    other = parse(b"event=RelayATriggered&status=0&mac=0c1105aabbcc")

    assert one.fingerprint == same.fingerprint
    assert one.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 16


def test_fingerprint_tells_codes_apart_only_with_a_key() -> None:
    first, second = (
        b"event=InvalidCodeEntered&code=1111",
        b"event=InvalidCodeEntered&code=2222",
    )

    assert parse(first).fingerprint == parse(second).fingerprint
    keyed = [parse(q, fingerprint_key=b"k").fingerprint for q in (first, second, first)]
    assert keyed[0] != keyed[1]
    assert keyed[0] == keyed[2]


@given(st.binary(max_size=300))
def test_parse_garbage_raises_nothing_else(query: bytes) -> None:
    try:
        assert isinstance(parse(query), ActionEvent)
    except BadActionUrl:
        return


@given(
    st.sampled_from(sorted(KEYS)),
    st.lists(
        st.tuples(st.sampled_from(["code", "user", "qr", "cfg", "open"]), st.text()),
        max_size=8,
    ),
)
def test_parse_any_fields_raise_nothing_else(
    suffix: str, fields: list[tuple[str, str]]
) -> None:
    query = "&".join(
        [f"event={suffix}", *(f"{name}={value}" for name, value in fields)]
    )
    try:
        event = parse(query.encode("utf-8", "surrogatepass"))
    except BadActionUrl:
        return
    assert all(len(str(value)) <= 512 for value in event.data.values())
