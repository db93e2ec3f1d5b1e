"""The unit's web server: authentication, quirks of the transport, and routing."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any, Final

import aiohttp
from aiohttp import web

from portico.protocols.digest import DigestGuard, Verdict, check_basic
from portico.simulator import api, fcgi, firmware_faults
from portico.simulator.catalogue import PictureAuth
from portico.simulator.directory import Refused
from portico.simulator.faces import with_faces
from portico.simulator.factory import API, RTSP
from portico.simulator.firmware import BadFirmware, ImageReader
from portico.simulator.picture import snapshot
from portico.simulator.unit import Unit
from portico.simulator.web_pages import PATHS, WebPages

REALM: Final = "HTTP API"
SERVER: Final = "lighttpd/1.4.30"
# A user import of 1000 records is about 300 KiB.
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
BURST_SECONDS: Final = 1.0
# What is held of an image at a time.
_PIECE_BYTES: Final = 64 * 1024
_UPLOAD: Final = "/api/firmware/upload"


class LocalServer:
    """Answers one unit's HTTP requests; give its :meth:`handle` to a web server."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._guard = DigestGuard(REALM)
        self._pages = WebPages(unit, SERVER)
        self._recent: deque[float] = deque()

    async def handle(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Answer ``request``; ``path`` is its path without a light unit's prefix."""
        core = self._unit.core
        if not core.online or "api_silent" in core.faults:
            raise ConnectionAbortedError
        if path.startswith("/fcgi/"):
            return self._fcgi(request, path)
        if path == "/picture.jpg":
            return self._picture(request)
        if path in PATHS:
            return await self._pages.handle(request, path)
        if path == "/api" or path.startswith("/api/"):
            return await self._guarded_api(request, path)
        return _text("404 - Not Found", status=404)

    async def _guarded_api(self, request: web.BaseRequest, path: str) -> web.Response:
        refusal = self._check_api(request)
        if refusal is not None:
            return refusal
        if path == _UPLOAD:
            return await self._upload(request)
        return await self._api(request, path)

    async def _api(self, request: web.BaseRequest, path: str) -> web.Response:
        body = await _body(request)
        try:
            call = api.read_call(
                self._unit,
                method=request.method,
                path=path,
                query=request.query,
                body=body,
            )
            call = await with_faces(self._unit, call)
        except api.BadCall as error:
            return _text(str(error), status=400)
        except Refused as refused:
            return _json(
                api.envelope("", message=refused.message, retcode=refused.retcode)
            )
        return _json(api.perform(self._unit, call))

    async def _upload(self, request: web.BaseRequest) -> web.Response:
        if not request.content_type.startswith("multipart/"):
            return _text("multipart is needed", status=400)
        if firmware_faults.NO_API in self._unit.core.faults:
            return _json(api.envelope("upload", message=api.NO_TARGET, retcode=-1))
        async for part in await request.multipart():
            if isinstance(part, aiohttp.BodyPartReader) and part.filename:
                return _json(await self._uploaded(part.filename, part))
        return _json(api.envelope("upload", message="no file", retcode=-1))

    async def _uploaded(
        self, name: str, part: aiohttp.BodyPartReader
    ) -> dict[str, Any]:
        slot, reader = self._unit.firmware, ImageReader()
        try:
            while piece := await part.read_chunk(_PIECE_BYTES):
                await slot.receive(reader, piece)
            image = slot.upload(name, reader)
        except BadFirmware as error:
            return api.envelope("upload", message=error.code, retcode=-1)
        return api.envelope("upload", data={"md5": image.md5})

    def _fcgi(self, request: web.BaseRequest, path: str) -> web.Response:
        if path == "/fcgi/do":
            answer = fcgi.open_legacy(self._unit, request.query)
        elif path == "/fcgi/OpenDoor":
            answer = fcgi.open_secure(
                self._unit,
                request.query,
                guard=self._guard,
                header=request.headers.get("Authorization", ""),
                method=request.method,
                uri=request.raw_path,
            )
        else:
            return _text("404 - Not Found", status=404)
        if answer.status == 401:
            return self._challenge(Verdict.STALE if answer.note else Verdict.MISSING)
        if answer.status != 200:
            return _text(str(answer.status), status=answer.status)
        return _text(answer.html, kind="text/html")

    def _picture(self, request: web.BaseRequest) -> web.Response:
        unit = self._unit
        settings = unit.core.settings
        if f"{RTSP}Username" not in settings:
            return _text("404 - Not Found", status=404)
        if unit.model.picture_auth is PictureAuth.API_DIGEST:
            refusal = self._check_api(request)
            if refusal is not None:
                return refusal
        elif settings.flag(f"{RTSP}Authorization"):
            user, password = settings[f"{RTSP}Username"], settings[f"{RTSP}Password"]
            header = request.headers.get("Authorization", "")
            if check_basic(header, user=user, password=password) is not Verdict.OK:
                return _text(
                    "401",
                    status=401,
                    headers={"WWW-Authenticate": 'Basic realm="RTSP"'},
                )
        jpeg = snapshot(unit.model.name, unit.mac, unit.core.local_now())
        return web.Response(
            body=jpeg, content_type="image/jpeg", headers={"Server": SERVER}
        )

    # -------------------------------------------------------------------- permission

    def _check_api(self, request: web.BaseRequest) -> web.Response | None:
        """None when the request may go on, else its answer.

        Modes of ``APIFCGI.AuthMode``: 0 none, 1 Basic, 2 address list (an empty list is
        403 for everybody, without a challenge), 4 Digest, 5 Basic or Digest; 3 is
        unusable on hardware (PY) and is refused here.
        """
        settings = self._unit.core.settings
        mode = settings[f"{API}AuthMode"]
        is_closed = not settings.flag(f"{API}Enable")
        if is_closed or (mode == "2" and not self._is_listed(request)):
            return _text("403 - Forbidden", status=403)
        if self._is_throttled():
            return self._challenge(Verdict.MISSING)
        if mode in ("0", "2"):
            return None
        verdict = self._credentials(request, mode)
        if verdict is Verdict.OK:
            return None
        if mode == "1":
            return _text(
                "401",
                status=401,
                headers={"WWW-Authenticate": f'Basic realm="{REALM}"'},
            )
        return self._challenge(verdict)

    def _credentials(self, request: web.BaseRequest, mode: str) -> Verdict:
        settings = self._unit.core.settings
        user, password = settings[f"{API}UserName"], settings[f"{API}Password"]
        header = request.headers.get("Authorization", "")
        if mode in ("1", "5") and not self._unit.model.basic_broken:
            verdict = check_basic(header, user=user, password=password)
            if verdict is not Verdict.MISSING:
                return verdict
        if mode in ("4", "5"):
            return self._guard.check(
                header,
                method=request.method,
                uri=request.raw_path,
                user=user,
                password=password,
            )
        return Verdict.MISSING

    def _is_listed(self, request: web.BaseRequest) -> bool:
        settings = self._unit.core.settings
        listed = {settings[f"{API}WhiteListIP{number:02}"] for number in range(1, 6)}
        return request.remote in listed - {""}

    def _is_throttled(self) -> bool:
        """Whether this request is one of a burst, which S5xx answer with 401 (PY)."""
        limit = self._unit.model.burst_limit
        if not limit:
            return False
        now = asyncio.get_running_loop().time()
        while self._recent and now - self._recent[0] > BURST_SECONDS:
            self._recent.popleft()
        if len(self._recent) >= limit:
            return True
        self._recent.append(now)
        return False

    def _challenge(self, verdict: Verdict) -> web.Response:
        header = self._guard.challenge(stale=verdict is Verdict.STALE)
        return _text("401", status=401, headers={"WWW-Authenticate": header})


async def _body(request: web.BaseRequest) -> bytes:
    """The body; more than :data:`MAX_BODY_BYTES` is cut off, which is no JSON then."""
    collected = bytearray()
    async for chunk in request.content.iter_any():
        collected += chunk[: MAX_BODY_BYTES - len(collected)]
    return bytes(collected)


def _json(value: object) -> web.Response:
    return _text(json.dumps(value), kind="application/json")


def _text(
    text: str,
    *,
    status: int = 200,
    kind: str = "text/plain",
    headers: dict[str, str] | None = None,
) -> web.Response:
    return web.Response(
        status=status,
        text=text,
        content_type=kind,
        headers={"Server": SERVER, **(headers or {})},
    )
