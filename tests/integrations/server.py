"""Local servers of the vendors' shapes, which can also be slow, wrong or away."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SITE = "5b0fb2a5-0000-4000-8000-000000000001"
FRONT, BACK = "lock-front", "lock-back"


@dataclass
class Trouble:
    """How the next request whose path contains ``on`` is answered instead."""

    on: str
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    # It is done first, and then answered like this.
    is_done: bool = False
    # No answer at all until the server ends.
    hangs: bool = False


@dataclass
class FakeVendor:
    """What a server knows, and what it was asked."""

    url: str = ""
    locks: list[dict[str, Any]] = field(default_factory=list)
    token: str = "token-1"
    secret: str = "s3cret"
    opened: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def revoke(self) -> None:
        """The token that was given is good no more."""
        self.token += "x"

    def answer(self, method: str, path: str, auth: str, body: bytes) -> tuple[int, Any]:
        raise NotImplementedError

    def respond(
        self, method: str, path: str, auth: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]] | None:
        """Status, content and headers; None: nothing at all."""
        self.asked.append((method, path))
        trouble = next((one for one in self.troubles if one.on in path), None)
        if trouble is None or trouble.is_done:
            status, told = self.answer(method, path, auth, body)
            content = b"" if told is None else json.dumps(told).encode()
            if trouble is None:
                return status, content, {}
        self.troubles.remove(trouble)
        if trouble.hangs:
            self.over.wait(60)
            return None
        return trouble.status, trouble.body, trouble.headers

    @property
    def values(self) -> dict[str, str]:
        """Credentials that are right here."""
        raise NotImplementedError


class FakeSalto(FakeVendor):
    """As the sources in portico.integrations.salto.api tell it."""

    @property
    def values(self) -> dict[str, str]:
        return {
            "site_id": SITE,
            "client_id": "portico",
            "client_secret": self.secret,
            "username": "portico@example.com",
            "password": "pass word",
            "api_url": self.url,
            "identity_url": f"{self.url}/identity",
        }

    def answer(self, method: str, path: str, auth: str, body: bytes) -> tuple[int, Any]:
        if path == "/identity/connect/token":
            return self._token(auth, body)
        if auth != f"Bearer {self.token}":
            return 401, None
        place = f"/v1.2/sites/{SITE}/locks"
        if method == "GET" and path == place:
            return 200, {"items": self.locks, "next_page_link": None, "count": 2}
        for lock in self.locks:
            if method == "PATCH" and path == f"{place}/{lock['id']}/locking":
                return self._open(lock, json.loads(body))
        return 404, {"ErrorCode": 1, "Message": "unknown"}

    def _token(self, auth: str, body: bytes) -> tuple[int, Any]:
        form = parse_qs(body.decode())
        right = base64.b64encode(f"portico:{self.secret}".encode()).decode()
        if auth != f"Basic {right}" or form["password"] != ["pass word"]:
            return 400, {"error": "invalid_grant"}
        assert form["grant_type"] == ["password"]
        return 200, {"access_token": self.token, "expires_in": 3600}

    def _open(self, lock: dict[str, Any], asked: Any) -> tuple[int, Any]:
        assert asked == {"locked_state": "unlocked"}
        if not lock["online"]:
            return 409, {"ErrorCode": 2, "Message": "offline"}
        self.opened.append(lock["id"])
        return 200, {"locked_state": "unlocked"}


class FakeExivo(FakeVendor):
    """As the sources in portico.integrations.dormakaba.api tell it."""

    @property
    def values(self) -> dict[str, str]:
        return {
            "site_id": SITE,
            "api_key": "key",
            "api_secret": self.secret,
            "api_url": self.url,
        }

    def answer(self, method: str, path: str, auth: str, body: bytes) -> tuple[int, Any]:
        right = base64.b64encode(f"key:{self.secret}".encode()).decode()
        if auth != f"Basic {right}":
            return 401, None
        place = f"/v1/{SITE}/component"
        if method == "GET" and path == place:
            return 200, self.locks
        for lock in self.locks:
            if method == "POST" and path == f"{place}/{lock['id']}/unlock":
                if not lock["ready"]:
                    return 409, None
                self.opened.append(lock["id"])
                self.bodies.append(json.loads(body))
                return 204, None
        return 404, None


def salto_locks() -> list[dict[str, Any]]:
    common = {"locked_state": "locked", "online": True, "lock_type": "ks"}
    return [
        common | {"id": FRONT, "customer_reference": "Gate", "battery_level": "fresh"},
        common | {"id": BACK, "customer_reference": "Cellar", "battery_level": "low"},
    ]


def exivo_locks() -> list[dict[str, Any]]:
    common = {"mode": "normal", "ready": True, "accessZones": [], "remarks": ""}
    return [
        common | {"id": FRONT, "identifier": "Gate", "labelling": "north"},
        common | {"id": BACK, "identifier": "Cellar", "labelling": ""},
    ]


@contextmanager
def serving(fake: FakeVendor) -> Iterator[None]:
    """Listens on a free port of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            auth = self.headers.get("Authorization", "")
            path = urlsplit(self.path).path
            answer = fake.respond(self.command, path, auth, body)
            if answer is None:
                return
            status, content, headers = answer
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:  # who asked did not wait
                pass

        def do_GET(self) -> None:
            self._do()

        def do_POST(self) -> None:
            self._do()

        def do_PATCH(self) -> None:
            self._do()

        def log_message(self, *args: object) -> None:
            del args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        fake.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
