"""Plug and play: a unit asks by SIP multicast where its configuration is.

A unit without a provisioning address sends ``SUBSCRIBE`` to 224.0.1.75:5060; whoever
knows it answers 200 and a ``NOTIFY`` whose body is the address (vendor's manuals, an
exported template; not verified on hardware). Pure: messages in, messages out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from portico.kernel.mac import InvalidMac, parse_mac
from portico.protocols.sip import Header, SipMessage

GROUP: Final = ("224.0.1.75", 5060)
_PACKAGE: Final = "ua-profile"
# `MAC0C1105…`, on some families `MAC%3a0c1105…`.
_SUBSCRIBER: Final = re.compile(
    r"sips?:MAC(?::|%3a)?([0-9a-f]{12})(?:[@;?].*)?", re.IGNORECASE
)
_PARAMETER: Final = re.compile(r';\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s;"]+))')
_CONTACT: Final = re.compile(r"sips?:[^\s<>]{1,200}")
# What a reply repeats; every one of them is a line of some hundred characters.
_REPEATED: Final = ("Via", "From", "To", "Call-ID", "CSeq", "Event")
_LONGEST_LINE: Final = 512
_LONGEST_NAME: Final = 31


class BadPnp(ValueError):
    """The message is no request for a device's profile."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who asks; ``request`` is what a reply is made of."""

    mac: str
    model: str
    version: str
    request: SipMessage = field(repr=False)

    @property
    def dialog(self) -> tuple[str, str]:
        """The same for a repetition of the same request."""
        return self.request.get("Call-ID"), self.request.get("CSeq")


def read_subscribe(message: SipMessage) -> Subscription:
    """:raises BadPnp: another method, another event, no MAC, or unusable headers."""
    if message.method != "SUBSCRIBE":
        raise BadPnp("method")
    found = _SUBSCRIBER.fullmatch(message.uri)
    event = message.get("Event")
    if found is None or event.partition(";")[0].strip().lower() != _PACKAGE:
        raise BadPnp("event")
    lines = [message.get(name) for name in _REPEATED] + message.all("Via")
    if not all(each and each.isprintable() for each in lines):
        raise BadPnp("headers")
    if max(map(len, lines)) > _LONGEST_LINE or len(message.all("Via")) > 4:
        raise BadPnp("headers")
    try:
        mac = parse_mac(found[1])
    except InvalidMac:
        raise BadPnp("mac") from None
    told = {each[1].lower(): each[2] or each[3] for each in _PARAMETER.finditer(event)}
    return Subscription(
        mac, _name(told.get("model")), _name(told.get("version")), message
    )


def notify(
    asked: Subscription, url: str, *, host: str, port: int, tag: str, branch: str
) -> SipMessage:
    """The answer that carries ``url``; ``host`` and ``port`` are where we listen."""
    request = asked.request
    contact = _CONTACT.search(request.get("Contact"))
    own = request.get("To")
    headers: list[Header] = [
        ("Via", f"SIP/2.0/UDP {host}:{port};branch={branch};rport"),
        ("Max-Forwards", "70"),
        ("From", own if "tag=" in own else f"{own};tag={tag}"),
        ("To", request.get("From")),
        ("Call-ID", request.get("Call-ID")),
        ("CSeq", "1 NOTIFY"),
        ("Contact", f"<sip:{host}:{port}>"),
        ("Event", request.get("Event")),
        ("Subscription-State", "terminated;reason=timeout"),
        ("Content-Type", "application/url"),
    ]
    target = contact[0] if contact else request.uri
    return SipMessage(tuple(headers), method="NOTIFY", uri=target, body=url)


def subscribe(
    *,
    mac: str,
    model: str,
    version: str,
    address: tuple[str, int],
    group: tuple[str, int],
    tag: str,
    call_id: str,
    branch: str,
) -> SipMessage:
    """What a unit at ``address`` sends to ``group``."""
    who = f"<sip:MAC{mac.lower()}@{group[0]}:{group[1]}>"
    event = (
        f'{_PACKAGE};profile-type="device";vendor="Akuvox";model="{model}";'
        f'version="{version}"'
    )
    headers: list[Header] = [
        ("Via", f"SIP/2.0/UDP {address[0]}:{address[1]};branch={branch};rport"),
        ("Max-Forwards", "70"),
        ("From", f"{who};tag={tag}"),
        ("To", who),
        ("Call-ID", call_id),
        ("CSeq", "1 SUBSCRIBE"),
        ("Contact", f"<sip:MAC{mac.lower()}@{address[0]}:{address[1]}>"),
        ("Event", event),
        ("Expires", "0"),
        ("Accept", "application/url"),
    ]
    uri = f"sip:MAC{mac.lower()}@{group[0]}:{group[1]}"
    return SipMessage(tuple(headers), method="SUBSCRIBE", uri=uri)


def read_notify(message: SipMessage) -> str:
    """The address in a ``NOTIFY``.

    :raises BadPnp: it carries none.
    """
    is_profile = message.get("Event").partition(";")[0].strip().lower() == _PACKAGE
    kind = message.get("Content-Type").partition(";")[0].strip().lower()
    words = message.body.split()
    if not (message.method == "NOTIFY" and is_profile and kind == "application/url"):
        raise BadPnp("event")
    if len(words) != 1 or not words[0].lower().startswith(("http://", "https://")):
        raise BadPnp("url")
    return words[0]


def _name(text: str | None) -> str:
    """A printable name; strangers choose it."""
    kept = "".join(each for each in text or "" if each.isprintable())
    return kept[:_LONGEST_NAME]
