"""A unit's own web pages: login, status with a live part, settings, logout.

What they are called and how they look is ours; that there is a login with
``Config.Settings.WEB_LOGIN.*`` and a session by cookie is known from the manuals.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import suppress
from typing import Final

from aiohttp import WSMsgType, web

from portico.simulator import web_html
from portico.simulator.unit import Unit

LOGIN: Final = "Config.Settings.WEB_LOGIN."
SESSION_COOKIE: Final = "webSession"
_LIVE_SECONDS: Final = 0.5
_SESSIONS: Final = 8
PATHS: Final = frozenset(
    {"/", "/login", "/logout", "/status", "/settings", "/live", "/assets/web.css"}
)


class WebPages:
    """The pages of one unit, and who is signed in."""

    def __init__(self, unit: Unit, server: str) -> None:
        self._unit = unit
        self._server = server
        self._sessions: list[str] = []

    async def handle(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Answer one request for a path of :data:`PATHS`."""
        if path == "/assets/web.css":
            return self._text(web_html.STYLE, kind="text/css")
        if path == "/login":
            return await self._login(request)
        if request.cookies.get(SESSION_COOKIE, "") not in self._sessions:
            return self._redirect("/login")
        return await self._inside(request, path)

    async def _inside(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """The answer for somebody who is signed in."""
        if path == "/live":
            return await self._live(request)
        if path == "/settings":
            return await self._settings(request)
        if path == "/status":
            return self._text(web_html.status(self._unit))
        if path == "/logout":
            self._sessions.remove(request.cookies[SESSION_COOKIE])
            return self._redirect("/login")
        return self._redirect("/status")

    async def _login(self, request: web.BaseRequest) -> web.Response:
        if request.method != "POST":
            return self._text(web_html.login(self._unit))
        form = await request.post()
        settings = self._unit.core.settings
        told = (form.get("user", ""), form.get("password", ""))
        if told != (settings[f"{LOGIN}User"], settings[f"{LOGIN}Password"]):
            return self._text(web_html.login(self._unit, is_wrong=True))
        session = secrets.token_hex(8)
        self._sessions = [*self._sessions[1 - _SESSIONS :], session]
        host = self._unit.core.endpoint.rpartition(":")[0]
        # By its own address, as units that know only that do.
        answer = self._redirect(f"http://{self._unit.core.endpoint}/status")
        answer.headers["Set-Cookie"] = (
            f"{SESSION_COOKIE}={session}; Path=/; Domain={host}; HttpOnly"
        )
        return answer

    async def _settings(self, request: web.BaseRequest) -> web.Response:
        if request.method != "POST":
            return self._text(web_html.settings(self._unit))
        form = await request.post()
        known = web_html.setting_keys(self._unit)
        values = {key: str(form[key])[:63] for key in known if key in form}
        self._unit.core.settings.apply(values)
        return self._text(web_html.settings(self._unit, is_saved=True))

    async def _live(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        if not socket.can_prepare(request):
            return self._text("WebSocket only", status=400, kind="text/plain")
        await socket.prepare(request)
        unit = self._unit
        with suppress(ConnectionError):
            while unit.core.online:
                relays = {name: unit.relays.is_open(name) for name in unit.relays.names}
                now = {"uptime": unit.core.uptime, "relays": relays}
                await socket.send_str(json.dumps(now))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LIVE_SECONDS):
                        if (await socket.receive()).type is not WSMsgType.TEXT:
                            break
        await socket.close()
        return socket

    def _redirect(self, target: str) -> web.Response:
        headers = {"Server": self._server, "Location": target}
        return web.Response(status=302, headers=headers)

    def _text(
        self, text: str, *, status: int = 200, kind: str = "text/html"
    ) -> web.Response:
        return web.Response(
            status=status,
            text=text,
            content_type=kind,
            headers={"Server": self._server},
        )
