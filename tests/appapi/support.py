"""What the tests of the app API share: a family's house, its app, and its bridge."""

from __future__ import annotations

import hashlib
import json
import re
import string
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.test import Client

from portico.accounts.enums import DateFormat
from portico.accounts.models import User
from portico.accounts.services.app_sessions import AppTokens, open_session
from portico.accounts.services.passwords import set_password
from portico.devices.enums import CommandKind, CommandState
from portico.devices.models import Bridge, Command, Device
from portico.devices.services.commands import mark_sent, record_result
from portico.kernel.bus import Payload
from portico.kernel.clock import utcnow
from portico.mail.models import OutboundMessage
from portico.sites.models import Resident, Site
from tests.conftest import MemoryBus
from tests.factories import (
    PASSWORD,
    make_bridge,
    make_device,
    make_installer,
    make_relay_data,
    make_site,
)

# Begins with a seven: masked it begins with a zero, which clients lose.
PHONE = "7400123456"
COUNTRY = "44"
LOWER, UPPER = string.ascii_lowercase, string.ascii_uppercase
# The paths that need a token, with the method that they take.
SIGNED_IN_LEGACY = (("POST", "/opendoor"), ("GET", "/userconf"), ("GET", "/login_conf"))
V3 = "/web-server/v3/app"
V4 = "/web-server/v4/smartplus/community/log/member"
SIGNED_IN_WEB = (
    ("GET", f"{V3}/community/tempKey/getPersonalTempKeyList"),
    ("GET", f"{V3}/single/log/getDoorLog"),
    ("GET", f"{V3}/community/log/getCallLog"),
    ("POST", f"{V3}/single/tempKey/addPersonalTempKey"),
    ("POST", f"{V3}/single/tempKey/delPersonalTempKey"),
    ("GET", f"{V3}/community/message/getMessageList"),
    ("POST", f"{V3}/single/message/readMessage"),
    ("GET", f"{V4}/getDoorLog"),
    ("GET", f"{V4}/getCallLog"),
)
OPEN_ENDPOINTS = (
    ("GET", "/rest_server"),
    ("POST", "/send_mobile_checkcode"),
    ("GET", "/sms_login"),
    ("GET", "/login"),
    ("POST", "/servers_list"),
    ("GET", "/servers_list"),
    ("POST", "/refresh_token"),
)
ALL_ENDPOINTS = (
    *OPEN_ENDPOINTS,
    *SIGNED_IN_LEGACY,
    *SIGNED_IN_WEB,
    ("GET", f"{V3}/qr/nonsense"),
)


def _shift(text: str, alphabets: Sequence[str]) -> str:
    """``text`` with each character moved by three within its alphabet."""
    for letters in alphabets:
        text = text.translate(str.maketrans(letters, letters[3:] + letters[:3]))
    return text


def mask_email(email: str, *, digits: bool) -> str:
    """As clients do it: letters by three, case kept; digits too in some of them."""
    return _shift(email, (LOWER, UPPER, string.digits) if digits else (LOWER, UPPER))


def mask_phone(number: str) -> str:
    """As clients do it: every digit by three, then made a number."""
    return str(int(_shift(number, (string.digits,))))


def app_password(password: str = PASSWORD) -> str:
    """The password as clients send it."""
    inner = hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
    return hashlib.md5(inner.encode(), usedforsecurity=False).hexdigest()


class House:
    """A family with an app account, a door phone with two relays, and a bridge."""

    def __init__(
        self, *, email: str = "ada.b3@example.org", phone: str = PHONE
    ) -> None:
        self.installer = make_installer()
        self.site: Site = make_site(
            self.installer,
            "Ada",
            email=email,
            phone=phone,
            country="GB",
            room_name="Lindenweg 5",
            time_zone="Europe/London",
        )
        relays = [make_relay_data(1, "Front"), make_relay_data(2, "Gate")]
        self.door: Device = make_device(self.site, self.installer, relays=relays)
        self.bridge: Bridge = make_bridge(self.site, self.installer)
        self.resident: Resident = self.site.residents.select_related("user").get()
        self.user: User = self.resident.user
        self.user.date_format = DateFormat.DMY
        self.user.name = "Ada"
        self.user.save()
        set_password(user=self.user, password=PASSWORD)

    def tokens(self) -> AppTokens:
        """Of a new session."""
        return open_session(user=self.user, client="test", now=utcnow())

    def app(self, token: str | None = None) -> App:
        """A signed-in app."""
        return App(self.tokens().token if token is None else token)


class App:
    """A client with a token, sent in the header."""

    def __init__(self, token: str = "") -> None:
        self.token = token
        self._client = Client(raise_request_exception=True)

    def send(
        self, method: str, path: str, data: Any = None, **extra: Any
    ) -> HttpResponse:
        headers = {"X-AUTH-TOKEN": self.token} | extra.pop("headers", {})
        if method == "POST" and isinstance(data, str | bytes):
            extra.setdefault("content_type", "application/json")
        call = self._client.get if method == "GET" else self._client.post
        answer: Any = call(path, data, headers=headers, **extra)
        response: HttpResponse = answer
        return response

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return content(self.send("GET", path, query))

    def post(self, path: str, /, **form: Any) -> dict[str, Any]:
        return content(self.send("POST", path, form))

    def post_json(self, path: str, /, **body: Any) -> dict[str, Any]:
        return content(self.send("POST", path, json.dumps(body)))

    def login(self, email: str, password: str = PASSWORD) -> HttpResponse:
        masked = mask_email(email, digits=False)
        query = {"user": masked, "passwd": app_password(password), "id_code": ""}
        return self.send("GET", "/login", query)

    def order_code(self, number: str = PHONE, country: str = COUNTRY) -> HttpResponse:
        form = {"AreaCode": country, "MobileNumber": number, "Type": "0"}
        return self.send("POST", "/send_mobile_checkcode", form)

    def sms_login(self, code: str, number: str = PHONE) -> HttpResponse:
        query = {"phone": mask_phone(number), "code": code, "area_code": COUNTRY}
        return self.send("GET", "/sms_login", query)


def content(response: HttpResponse) -> dict[str, Any]:
    """The JSON object of an answer that is HTTP 200, as all of them are."""
    assert response.status_code == 200, response.content
    parsed: dict[str, Any] = json.loads(response.content)
    return parsed


def sent_code(recipient: str = f"+{COUNTRY}{PHONE}") -> str:
    """The code in the newest SMS to ``recipient``."""
    message = (
        OutboundMessage.objects.filter(recipient=recipient).order_by("-pk").first()
    )
    assert message is not None
    found = re.search(r"\b\d{6}\b", message.body)
    assert found is not None
    return found[0]


def is_legacy_failure(reply: dict[str, Any]) -> bool:
    """Whether every legacy client takes ``reply`` for a refusal."""
    return (
        isinstance(reply.get("result"), int)
        and reply["result"] != 0
        and isinstance(reply.get("err_code"), str)
        and reply["err_code"] != "0"
        and isinstance(reply.get("message"), str)
        and "datas" not in reply
    )


class FakeBridge:
    """Takes commands from the bus and answers them there and then, as told."""

    def __init__(self, bus: MemoryBus, house: House) -> None:
        self.taken: list[UUID] = []
        self.state: CommandState | None = CommandState.ACKNOWLEDGED
        self.reason = ""
        self._house = house
        bus.listen(self._hinted)

    def answers(self, state: CommandState | None, reason: str = "") -> None:
        """What becomes of the next commands; None: nothing is ever heard of them."""
        self.state, self.reason = state, reason

    def _hinted(self, subject: str, payload: Payload) -> None:
        if subject != "command.requested":
            return
        command_id = UUID(payload["command"])
        orders = Command.objects.filter(pk=command_id, kind=CommandKind.OPEN_RELAY)
        if not orders.exists():
            return  # a picture of the opening
        moment = utcnow()
        assert mark_sent(command_id=command_id, now=moment)
        self.taken.append(command_id)
        if self.state is not None:
            record_result(
                bridge_id=self._house.bridge.pk,
                command_id=command_id,
                state=self.state,
                reason=self.reason,
                at=moment,
                now=moment,
            )
