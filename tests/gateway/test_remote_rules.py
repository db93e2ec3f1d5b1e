"""What may pass between a browser and a device's pages: the pure part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.gateway.remote_rules import (
    LeadsElsewhere,
    Place,
    is_own_request,
    own_cookie,
    own_location,
    to_device,
    wants_tls,
)
from portico.gateway.remote_text import OwnLinks

pytestmark = pytest.mark.unit

PLACE = Place("https://label.remote.example.org", "192.168.1.20", 80)
SIX = Place("http://label.localhost:8000", "fd00::20", 8080)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/login", "/login"),
        ("login?a=1#b", "login?a=1#b"),
        ("", "/"),
        ("http://192.168.1.20", "/"),
        ("http://192.168.1.20:80/a?b", "/a?b"),
        ("https://192.168.1.20/a", "/a"),
        ("HTTPS://192.168.1.20:443/a", "/a"),
        ("//192.168.1.20/a", "/a"),
        ("https://label.remote.example.org/a", "/a"),
        ("http://192.168.1.20//evil.example/", "/evil.example/"),
        ("///evil.example/", "/evil.example/"),
    ],
)
def test_location_of_the_device_is_a_path(value: str, expected: str) -> None:
    assert own_location(value, PLACE) == expected


@pytest.mark.parametrize(
    "value",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "http://192.168.1.20:8000/",
        "https://192.168.1.20:80/",
        "http://192.168.1.20@evil.example/",
        "http://evil.example@192.168.1.20/",
        "http://192.168.1.21/",
        "http://192.168.1.20.evil.example/",
        "https://portal.example.org/",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "/a b",
        "/a\x0b",
        "http://[::1/",
        "http://192.168.1.20:99999/",
        "/é",
    ],
)
def test_location_elsewhere_is_refused(value: str) -> None:
    with pytest.raises(LeadsElsewhere):
        own_location(value, PLACE)


def test_device_says_which_of_its_servers_it_wants() -> None:
    def wanted(value: str) -> bool | None:
        return wants_tls((("Location", value),), PLACE)

    assert wanted("https://192.168.1.20/") is True
    assert wanted("http://192.168.1.20/") is False
    assert wanted("/login") is None
    assert wanted("https://evil.example/") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a=b", "a=b; Path=/; Secure; SameSite=Lax"),
        (
            "a=b; Domain=.example.org; Path=/x; Max-Age=5; HttpOnly; SameSite=None",
            "a=b; Path=/x; max-age=5; HttpOnly; Secure; SameSite=Lax",
        ),
        ("a=b; SameSite=strict", "a=b; Path=/; Secure; SameSite=Strict"),
        ("portico_session=x", ""),
        ("__Host-portico_remote=x; Path=/", ""),
        ("__Secure-x=y", ""),
        ("", ""),
    ],
)
def test_cookie_of_the_device_is_for_this_host_alone(value: str, expected: str) -> None:
    assert own_cookie(value, PLACE) == expected


def test_only_the_devices_own_cookies_and_addresses_reach_it() -> None:
    headers = [
        (b"host", b"label.remote.example.org"),
        (b"cookie", b"__Host-portico_remote=s; sid=1; __Host-portico_session=t"),
        (b"cookie", b"portico_csrf=u; lang=de"),
        (b"origin", b"https://label.remote.example.org"),
        (b"referer", b"https://label.remote.example.org/a?b"),
        (b"accept-encoding", b"br"),
        (b"x-forwarded-for", b"203.0.113.5"),
        (b"sec-fetch-site", b"same-origin"),
        (b"x-requested-with", b"XMLHttpRequest"),
        (b"authorization", b"Basic x"),
    ]

    passed = dict(to_device(headers, PLACE, tls=True))

    assert passed == {
        "origin": "https://192.168.1.20",
        "referer": "https://192.168.1.20/a?b",
        "x-requested-with": "XMLHttpRequest",
        "authorization": "Basic x",
        "cookie": "sid=1; lang=de",
    }
    elsewhere = [(b"referer", b"https://portal.example.org/x"), (b"origin", b"null")]
    assert to_device(elsewhere, PLACE, tls=False) == ()


def test_requests_of_other_origins_are_known() -> None:
    origin = PLACE.origin.encode()

    def own(
        *headers: tuple[bytes, bytes], method: str = "GET", ws: bool = False
    ) -> bool:
        return is_own_request(headers, PLACE, method=method, is_socket=ws)

    assert own()
    assert own((b"origin", origin), method="POST")
    assert not own((b"origin", b"https://portal.example.org"), method="POST")
    assert own((b"origin", origin), ws=True)
    assert not own(ws=True)
    assert not own((b"sec-fetch-site", b"same-site"))
    assert not own(
        (b"sec-fetch-site", b"cross-site"),
        (b"sec-fetch-mode", b"navigate"),
        (b"sec-fetch-dest", b"iframe"),
    )


_PIECES = st.lists(st.integers(0, 400), max_size=12)
_PARTS = [
    b"http://192.168.1.20/a",
    b"https:\\/\\/192.168.1.20:443\\/b",
    b"ws://192.168.1.20/live",
    b"//192.168.1.20/x",
    b"http://192.168.1.200/",
    b"http://192.168.1.20.evil.example/",
    b"http://192.168.1.20:8080/",
    b"some text ",
    b"http:",
    b"/",
]


@given(st.lists(st.sampled_from(_PARTS), max_size=12), _PIECES)
def test_links_are_the_same_however_the_text_is_cut(
    parts: list[bytes], cuts: list[int]
) -> None:
    text = b" ".join(parts)
    whole = OwnLinks(PLACE)
    expected = whole.feed(text) + whole.rest()
    links = OwnLinks(PLACE)
    done, at = b"", 0
    for cut in sorted(cuts):
        done += links.feed(text[at:cut])
        at = max(at, cut)
    done += links.feed(text[at:]) + links.rest()

    assert done == expected
    assert b"192.168.1.20/" not in expected.replace(b"192.168.1.200", b"")


def test_links_of_the_device_and_no_others_are_rewritten() -> None:
    def own(text: bytes, place: Place = PLACE) -> bytes:
        links = OwnLinks(place)
        return links.feed(text) + links.rest()

    label = b"label.remote.example.org"
    assert own(b"http://192.168.1.20/a") == b"https://" + label + b"/a"
    assert own(b'"ws:\\/\\/192.168.1.20:80"') == b'"wss:\\/\\/' + label + b'"'
    assert own(b"//192.168.1.20/a") == b"//" + label + b"/a"
    for other in (b"http://192.168.1.201/", b"http://192.168.1.20:8080/", b"x"):
        assert own(other) == other
    assert own(b"http://[fd00::20]:8080/a", SIX) == b"http://label.localhost:8000/a"
