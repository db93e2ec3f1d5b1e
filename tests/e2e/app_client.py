"""A client of the app API as third parties write them, in our own words."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.house import House
from tests.waiting import eventually


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _masked_email(text: str) -> str:
    return "".join(chr((ord(c) - 97 + 3) % 26 + 97) if c.islower() else c for c in text)


def _masked_phone(text: str) -> str:
    return str(int("".join(str((int(digit) + 3) % 10) for digit in text)))


class _Client:
    """One connection per request: nothing is left open between them."""

    def __init__(self, base: str) -> None:
        self._base = base

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self._ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self._ask("POST", path, **options)

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        address = f"{self._base}{path}"
        return httpx.request(method, address, timeout=30, trust_env=False, **options)


def _client(house: House) -> _Client:
    return _Client(house.base)


class Resident:
    """A signed-in session."""

    def __init__(self, client: _Client, token: str) -> None:
        self._client = client
        self._token = token

    def open(self, mac: str, relay: str) -> dict[str, Any]:
        answer = self._client.post(
            "/opendoor",
            params={"token": self._token},
            data={"mac": mac, "relay": relay},
        )
        found: dict[str, Any] = answer.json()
        return found

    def doors(self) -> set[str]:
        conf = self._client.get("/userconf", params={"token": self._token}).json()
        return {
            relay["door_name"]
            for device in conf["datas"]["dev_list"]
            for relay in device["relay"]
        }

    def door_log(self) -> list[dict[str, str]]:
        answer = self._client.get(
            "/web-server/v3/app/single/log/getDoorLog?row=10",
            headers={"x-auth-token": self._token},
        )
        found: list[dict[str, str]] = answer.json()["data"]
        return found

    def unread(self) -> int:
        conf = self._client.get("/userconf", params={"token": self._token}).json()
        number: int = conf["datas"]["unread_msg"]["messages_num"]
        return number

    def messages(self) -> list[dict[str, str]]:
        answer = self._client.get(
            "/web-server/v3/app/single/message/getMessageList",
            headers={"x-auth-token": self._token},
        )
        found: list[dict[str, str]] = answer.json()["data"]
        return found

    def read(self, message: str) -> None:
        self._client.post(
            "/web-server/v3/app/single/message/readMessage",
            headers={"x-auth-token": self._token},
            data={"ID": message},
        )


def sign_in(house: House) -> Resident:
    """By email and password."""
    client, facts = _client(house), house.facts["resident"]
    query = {
        "user": _masked_email(facts["email"]),
        "passwd": _md5(_md5(facts["password"])),
    }
    answer = client.get("/login", params=query).json()
    return Resident(client, answer["datas"]["token"])


def sign_in_by_sms(house: House) -> Resident:
    """By the code that the demo's post office delivers as a file."""
    client, facts = _client(house), house.facts["resident"]
    folder = Path(house.data, "outbox", "sms")
    before = set(folder.glob("*.txt"))
    form = {
        "AreaCode": facts["country_code"],
        "MobileNumber": facts["phone"],
        "Type": "0",
    }
    client.post("/send_mobile_checkcode", data=form)
    eventually(lambda: set(folder.glob("*.txt")) - before)
    [message] = set(folder.glob("*.txt")) - before
    code = re.search(r"\b\d{6}\b", message.read_text().rpartition("\n\n")[2])
    assert code is not None
    query = {
        "phone": _masked_phone(facts["phone"]),
        "code": code[0],
        "area_code": facts["country_code"],
    }
    answer = client.get("/sms_login", params=query).json()
    return Resident(client, answer["datas"]["token"])
