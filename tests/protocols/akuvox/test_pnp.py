"""Plug and play: what a unit asks, what it is told, and what is no request at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portico.protocols.akuvox import pnp
from portico.protocols.sip import SipMessage, parse

pytestmark = [pytest.mark.unit, pytest.mark.bare]

MAC = "0C1105000001"
# As third parties describe the request of the family; the values are made up.
ASKED = (
    "SUBSCRIBE sip:MAC%3a0c1105000001@224.0.1.75 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bK1;rport\r\n"
    "From: <sip:MAC%3a0c1105000001@224.0.1.75>;tag=42\r\n"
    "To: <sip:MAC%3a0c1105000001@224.0.1.75>\r\n"
    "Call-ID: 7@192.168.1.20\r\n"
    "CSeq: 1 SUBSCRIBE\r\n"
    "Contact: <sip:192.168.1.20:5060>\r\n"
    'Event: ua-profile;profile-type="device";vendor="Akuvox";model="R20A";'
    'version="320.30.11.80"\r\n'
    "Expires: 0\r\n"
    "Content-Length: 0\r\n\r\n"
)


def asked(**changes: str) -> SipMessage:
    text = ASKED
    for old, new in changes.items():
        text = text.replace(old, new)
    return parse(text.encode())


def test_request_tells_who_asks() -> None:
    found = pnp.read_subscribe(asked())

    assert (found.mac, found.model, found.version) == (MAC, "R20A", "320.30.11.80")
    assert found.dialog == ("7@192.168.1.20", "1 SUBSCRIBE")


def test_answer_stands_in_the_dialog_and_carries_the_address() -> None:
    told = pnp.notify(
        pnp.read_subscribe(asked()),
        "https://portico.example/p/secret/",
        host="192.168.1.5",
        port=5060,
        tag="99",
        branch="z9hG4bK2",
    )
    heard = parse(told.encode())

    assert heard.uri == "sip:192.168.1.20:5060"
    assert heard.get("From") == "<sip:MAC%3a0c1105000001@224.0.1.75>;tag=99"
    assert heard.get("To") == "<sip:MAC%3a0c1105000001@224.0.1.75>;tag=42"
    assert heard.get("Call-ID") == "7@192.168.1.20"
    assert heard.get("Subscription-State") == "terminated;reason=timeout"
    assert heard.get("Content-Type") == "application/url"
    assert heard.get("Event").startswith('ua-profile;profile-type="device"')
    assert pnp.read_notify(heard) == "https://portico.example/p/secret/"


def test_simulated_request_is_read_back() -> None:
    message = pnp.subscribe(
        mac=MAC,
        model="X916",
        version="916.30.10.1",
        address=("127.0.0.1", 40000),
        group=pnp.GROUP,
        tag="1",
        call_id="c",
        branch="z9hG4bK3",
    )
    found = pnp.read_subscribe(parse(message.encode()))

    assert (found.mac, found.model, found.version) == (MAC, "X916", "916.30.10.1")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("SUBSCRIBE sip", "REGISTER sip", "method"),
        ("Event: ua-profile", "Event: message-summary", "event"),
        ("SUBSCRIBE sip:MAC%3a0c1105000001@", "SUBSCRIBE sip:Mickey@", "event"),
        ("SUBSCRIBE sip:MAC%3a0c", "SUBSCRIBE sip:MAC%3a0d", "mac"),
        ("Call-ID: 7@192.168.1.20\r\n", "", "headers"),
        ("Call-ID: 7@192", "Call-ID: 7\nRoute: <sip:evil>@192", "headers"),
        ("Call-ID: 7@192", f"Call-ID: {'7' * 600}@192", "headers"),
    ],
)
def test_anything_else_is_no_request(old: str, new: str, why: str) -> None:
    with pytest.raises(pnp.BadPnp, match=f"^{why}$"):
        pnp.read_subscribe(asked(**{old: new}))


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "MESSAGE"},
        {"body": ""},
        {"body": "ftp://192.168.1.5/"},
        {"body": "http://a/ http://b/"},
        {"headers": (("Event", "check-sync"), ("Content-Type", "application/url"))},
        {"headers": (("Event", "ua-profile"), ("Content-Type", "text/plain"))},
    ],
)
def test_unit_takes_nothing_but_an_address(changes: dict[str, object]) -> None:
    good = SipMessage(
        (("Event", "ua-profile"), ("Content-Type", "application/url")),
        method="NOTIFY",
        uri="sip:x",
        body="http://192.168.1.5/p/secret/\r\n",
    )
    assert pnp.read_notify(good) == "http://192.168.1.5/p/secret/"
    with pytest.raises(pnp.BadPnp):
        pnp.read_notify(replace(good, **changes))  # type: ignore[arg-type]  # as listed
