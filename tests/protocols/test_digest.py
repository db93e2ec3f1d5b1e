from __future__ import annotations

import pytest

from portico.protocols.digest import (
    DigestGuard,
    Verdict,
    answer,
    basic,
    check_basic,
    parse_header,
    response,
)

pytestmark = pytest.mark.unit

ASK = {"method": "GET", "uri": "/api/system/info"}
KEY = {"user": "admin", "password": "httpapi"}


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _signed(challenge: str, *, count: int = 1) -> str:
    header = answer(
        challenge,
        method=ASK["method"],
        uri=ASK["uri"],
        user="admin",
        password="httpapi",
        count=count,
    )
    assert header is not None
    return header


def test_response_of_rfc_7616() -> None:
    fields = {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "uri": "/dir/index.html",
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "nc": "00000001",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "qop": "auth",
    }

    found = response(fields, method="GET", password="Circle of Life")

    assert found == "8ca523f5e9506fed4657c9700eebdbec"


def test_challenge_names_realm_and_qop() -> None:
    scheme, fields = parse_header(DigestGuard("HTTP API").challenge())

    assert scheme == "digest"
    assert fields["realm"] == "HTTP API"
    assert fields["qop"] == "auth"
    assert fields["algorithm"] == "MD5"
    assert "stale" not in fields


def test_right_answer_is_accepted_once() -> None:
    guard = DigestGuard("HTTP API")
    header = _signed(guard.challenge())

    assert guard.check(header, **ASK, **KEY) is Verdict.OK
    assert guard.check(header, **ASK, **KEY) is Verdict.STALE


def test_nonce_is_reused_with_a_new_count() -> None:
    guard = DigestGuard("HTTP API")
    challenge = guard.challenge()

    verdicts = [
        guard.check(_signed(challenge, count=count), **ASK, **KEY)
        for count in (1, 2, 3)
    ]

    assert verdicts == [Verdict.OK] * 3


def test_nonce_expires() -> None:
    time = Time()
    guard = DigestGuard("HTTP API", nonce_seconds=300, now=time)
    challenge = guard.challenge()
    time.now = 301.0

    assert guard.check(_signed(challenge), **ASK, **KEY) is Verdict.STALE
    assert parse_header(guard.challenge(stale=True))[1]["stale"] == "true"


def test_oldest_nonce_is_forgotten() -> None:
    guard = DigestGuard("HTTP API")
    first = guard.challenge()
    for _ in range(256):
        guard.challenge()

    assert guard.check(_signed(first), **ASK, **KEY) is Verdict.STALE


@pytest.mark.parametrize(
    "changed",
    [{"uri": "/api/other"}, {"method": "POST"}, {"user": "root"}, {"password": "x"}],
)
def test_wrong_answers(changed: dict[str, str]) -> None:
    guard = DigestGuard("HTTP API")
    header = _signed(guard.challenge())

    assert guard.check(header, **(ASK | KEY | changed)) is Verdict.WRONG


def test_no_header_is_missing() -> None:
    guard = DigestGuard("HTTP API")

    assert guard.check("", **ASK, **KEY) is Verdict.MISSING
    assert guard.check(basic("admin", "httpapi"), **ASK, **KEY) is Verdict.MISSING


def test_garbled_count_is_wrong() -> None:
    guard = DigestGuard("HTTP API")
    scheme, asked = parse_header(guard.challenge())
    fields = {
        "username": "admin",
        "realm": "HTTP API",
        "nonce": asked["nonce"],
        "uri": ASK["uri"],
        "qop": "auth",
        "nc": "zz",
        "cnonce": "x",
    }
    fields["response"] = response(fields, method="GET", password="httpapi")
    header = "Digest " + ", ".join(f'{name}="{text}"' for name, text in fields.items())

    assert scheme == "digest"
    assert guard.check(header, **ASK, **KEY) is Verdict.WRONG


def test_without_qop_there_is_no_count() -> None:
    guard = DigestGuard("RTSP", qop=False)
    header = _signed(guard.challenge())

    assert "nc=" not in header
    assert guard.check(header, **ASK, **KEY) is Verdict.OK
    assert guard.check(header, **ASK, **KEY) is Verdict.OK


def test_basic() -> None:
    header = basic("admin", "pässword")

    assert check_basic(header, user="admin", password="pässword") is Verdict.OK
    assert check_basic(header, user="admin", password="x") is Verdict.WRONG
    assert check_basic("Basic ???", user="admin", password="x") is Verdict.WRONG
    assert check_basic("", user="admin", password="x") is Verdict.MISSING
    sent = answer('Basic realm="x"', method="GET", uri="/", user="a", password="b")
    assert sent == basic("a", "b")


def test_unknown_challenges_are_not_answered() -> None:
    sha = 'Digest realm="x", nonce="y", algorithm=SHA-256'

    for challenge in (sha, "Bearer"):
        sent = answer(challenge, method="GET", uri="/", user="a", password="b")
        assert sent is None
