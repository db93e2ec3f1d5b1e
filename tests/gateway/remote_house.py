"""A house whose real bridge shows a device's own pages; the device is the test's."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
from aiohttp import web
from django.conf import settings
from django.urls import reverse
from websockets.sync.client import ClientConnection, connect

from portico.accounts.models import User
from portico.bridge.agent import Agent
from portico.bridge.settings import Settings
from portico.devices.enums import PresenceVia
from portico.devices.models import Device
from portico.devices.services.bridges import invite_bridge
from portico.devices.services.presence import Contact, record_contacts
from portico.kernel.clock import utcnow
from portico.remote.models import RemoteSession
from tests.bridge import fake_device
from tests.bridge.test_session import self_signed
from tests.conftest import MemoryBus
from tests.factories import make_device, make_installer, make_site
from tests.gateway.server import RunningGateway, running_gateway
from tests.nats import free_port
from tests.portals.conftest import client_of
from tests.waiting import LONGEST_SECONDS, eventually

T = TypeVar("T")
COOKIE = "portico_remote"
Handler = fake_device.Answer


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.loop.run_forever()
        self.loop.run_until_complete(_end_tasks())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        return future.result(LONGEST_SECONDS)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()


async def _end_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Box:
    """The bridge in a loop of its own."""

    def __init__(self, gateway: RunningGateway, data: Path, token: str) -> None:
        self._loop = Loop()
        made = Settings(
            server=gateway.base,
            data=data,
            listen=("127.0.0.1", 0),
            name="box",
            token=token,
        )
        self._stop = asyncio.Event()
        agent = Agent(made, version="0.1.0")
        self._ended = asyncio.run_coroutine_threadsafe(
            agent.run(self._stop, lambda *_: None), self._loop.loop
        )

    def unplug(self) -> None:
        """No goodbye: its connections break."""
        self._loop.stop()

    def stop(self) -> None:
        if not self._loop.loop.is_closed():
            self._loop.loop.call_soon_threadsafe(self._stop.set)
            self._ended.result(LONGEST_SECONDS)
        self._loop.stop()


class Tab:
    """A browser's tab at a session's origin: no redirects, its own few cookies."""

    def __init__(self, port: int, entry: str) -> None:
        self.port, self.entry = port, entry
        parts = urlsplit(entry)
        self.host = parts.netloc
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.label = self.host.partition(".")[0]
        self.token = parse_qs(parts.query)["token"][0]
        self.secret = ""
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            trust_env=False,
            timeout=LONGEST_SECONDS,
        )

    def enter(self) -> httpx.Response:
        parts = urlsplit(self.entry)
        answer = self.http.get(
            f"{parts.path}?{parts.query}", headers={"Host": self.host}
        )
        self.http.cookies.clear()
        cookie = answer.headers.get("set-cookie", "")
        if cookie.startswith(f"{COOKIE}="):
            self.secret = cookie.partition("=")[2].partition(";")[0]
        return answer

    def headers(self, **more: str) -> dict[str, str]:
        """What the browser sends; ``cookie`` is added to the session's."""
        own = f"{COOKIE}={self.secret}"
        cookie = "; ".join(filter(None, [own, more.pop("cookie", "")]))
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return {"Host": self.host, "Cookie": cookie, **named}

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.ask("GET", path, headers=self.headers(**headers))

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        more.setdefault("headers", self.headers())
        answer = self.http.request(method, path, **more)
        self.http.cookies.clear()
        return answer

    @contextmanager
    def socket(self, path: str, **more: Any) -> Iterator[ClientConnection]:
        headers = {"Cookie": f"{COOKIE}={self.secret}"}
        # Names below "localhost" are the browsers' own idea.
        uri = f"ws://{self.host}{path}"
        way = socket.create_connection(("127.0.0.1", self.port), LONGEST_SECONDS)
        with connect(
            uri,
            sock=way,
            origin=more.pop("origin", self.origin),
            additional_headers=headers,
            proxy=None,
            **more,
        ) as made:
            yield made


class RemoteHouse:
    """Installer, house, bridge and device, all at work."""

    def __init__(self, gateway: RunningGateway, data: Path, port: int) -> None:
        self.gateway, self.port = gateway, port
        self.installer: User = make_installer()
        self.site = make_site(self.installer)
        self.device: Device = make_device(self.site, self.installer)
        secrets = self.device.secrets
        self._loop = Loop()
        self.unit = fake_device.Device(
            mac=self.device.mac, api=(secrets.api_user, secrets.api_password)
        )
        self._loop.run(self.unit.start())
        contact = Contact(
            self.device.pk, utcnow(), PresenceVia.EVENT, self.unit.address
        )
        record_contacts(contacts=[contact])
        _, token = invite_bridge(
            actor=self.installer, site=self.site, name="Box", now=utcnow()
        )
        self.box = Box(gateway, data, token)
        eventually(self._is_up, "bridge and device did not come online")
        self.client = client_of(self.installer)
        self._tabs: list[Tab] = []

    def _is_up(self) -> bool:
        bridge = self.site.bridges.get(revoked_at=None)
        seen = Device.objects.select_related("presence").get(pk=self.device.pk).presence
        return bridge.is_online and seen.via == PresenceVia.BRIDGE

    def stop(self) -> None:
        for tab in self._tabs:
            tab.http.close()
        self.box.stop()
        self._loop.run(self.unit.stop())
        self._loop.stop()

    def on(self, path: str, handler: Handler) -> None:
        """What the device answers at ``path``."""
        self.unit.answers[path] = handler

    def page(
        self,
        path: str,
        body: str | bytes = "hello",
        *,
        status: int = 200,
        kind: str = "text/html",
        headers: dict[str, str] | None = None,
    ) -> list[web.BaseRequest]:
        """Let the device have a page; the list fills with who asked for it."""
        asked: list[web.BaseRequest] = []

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            await request.read()
            asked.append(request)
            raw = body.encode() if isinstance(body, str) else body
            told = {"Content-Type": kind, **(headers or {})}
            return web.Response(status=status, body=raw, headers=told)

        self.on(path, answer)
        return asked

    @contextmanager
    def secure_page(self, port: int, body: str, folder: Path) -> Iterator[None]:
        """Every page of the device's HTTPS server, with a certificate of its own."""

        async def answer(_request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(text=body, content_type="text/html")

        context, _ = self_signed(folder)

        async def start() -> web.ServerRunner:
            runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
            return runner

        runner = self._loop.run(start())
        try:
            yield
        finally:
            self._loop.run(runner.cleanup())

    def url(self, name: str, *more: object) -> str:
        return reverse(f"installer:{name}", args=[self.device.mac, *more])

    def order(self) -> Tab:
        """Press *Remote Control*; the new tab has not entered yet."""
        answer = self.client.post(self.url("remote_control"))
        assert answer.status_code == 302, answer.content
        tab = Tab(self.port, answer["Location"])
        self._tabs.append(tab)
        return tab

    def open(self) -> Tab:
        """A tab that shows the device."""
        tab = self.order()
        assert tab.enter().status_code == 303
        return tab

    @property
    def session(self) -> RemoteSession:
        return RemoteSession.objects.latest("opened_at")


@contextmanager
def remote_house(bus: MemoryBus, data: Path, patch: Any) -> Iterator[RemoteHouse]:
    """The house for the length of the block."""
    port = free_port()
    patch.setattr(settings.ENVIRONMENT, "remote_host", f"localhost:{port}")
    base = settings.ENVIRONMENT.remote_base
    with running_gateway(bus, port=port, remote=base) as gateway:
        house = RemoteHouse(gateway, data, port)
        try:
            yield house
        finally:
            house.stop()
