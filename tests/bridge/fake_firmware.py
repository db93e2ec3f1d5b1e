"""The server's end of upgrades, scripted; raw JSON and signatures as in the contract."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from portico.protocols.bridge import signing

_PIECE = 16 * 1024


def image_of(version: str, size: int = 200_000) -> bytes:
    """An image that a virtual unit takes for that version."""
    head = f"PORTICO-FIRMWARE version={version}\n".encode()
    return head + bytes(index % 251 for index in range(size - len(head)))


def order_of(image: bytes, version: str, **changes: Any) -> dict[str, Any]:
    """``data`` of the command."""
    data = {
        "version": version,
        "name": f"{version}.rom",
        "size": len(image),
        "sha256": hashlib.sha256(image).hexdigest(),
        "md5": hashlib.md5(image, usedforsecurity=False).hexdigest(),
        "save": False,
    }
    return data | changes


class FirmwareDesk:
    """Gives an image, takes reports, answers with verdicts. Change it while it runs."""

    def __init__(self, changed: asyncio.Condition, keys: dict[str, bytes]) -> None:
        self._changed = changed
        self._keys = keys
        self.image = b""
        # For each request of the image in turn: so many bytes, then nothing more.
        self.breaks: list[int] = []
        # For each in turn: this status in place of it.
        self.statuses: list[int] = []
        # Where a transfer stops until `go_on` is set.
        self.hold_at = 0
        self.go_on = asyncio.Event()
        self.knows_ranges = True
        # By the state of the report.
        self.verdicts: dict[str, str] = {}
        # Statuses in place of answers to reports, by their state.
        self.no_answers: dict[str, list[int]] = {}
        # Reports of `ready` wait until it is set.
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.keep_status = 204
        # What was asked for and said, oldest first.
        self.ranges: list[str] = []
        self.reports: list[tuple[str, dict[str, Any]]] = []
        self.kept: dict[str, Any] = {}
        self.sending = 0
        self.most_sending = 0

    def add_to(self, app: web.Application) -> None:
        base = "/bridge/v1/firmware/{command}"
        app.router.add_get(f"{base}/image", self._image)
        app.router.add_post(base, self._report)
        app.router.add_post(f"{base}/configuration", self._configuration)

    def said(self, command: str, state: str) -> list[dict[str, Any]]:
        return [
            body
            for key, body in self.reports
            if key == command and body["state"] == state
        ]

    def _check(self, request: web.Request, part: str, body: bytes) -> None:
        key = Ed25519PublicKey.from_public_bytes(
            self._keys[request.headers["Portico-Bridge"]]
        )
        command = request.match_info["command"]
        text = f"portico-firmware-v1\n{request.method}\n{part}\n{command}\n".encode()
        signature = signing.from_base64url(request.headers["Portico-Signature"])
        key.verify(signature, text + hashlib.sha256(body).digest())

    async def _note(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _image(self, request: web.Request) -> web.StreamResponse:
        self._check(request, "image", b"")
        asked = request.headers["Range"]
        self.ranges.append(asked)
        await self._note()
        if self.statuses:
            return web.Response(
                status=self.statuses.pop(0), headers={"Retry-After": "0"}
            )
        found = re.fullmatch(r"bytes=(\d+)-", asked)
        assert found, asked
        start = int(found[1]) if self.knows_ranges else 0
        answer = web.StreamResponse(status=206 if self.knows_ranges else 200)
        answer.content_length = len(self.image) - start
        await answer.prepare(request)
        self.sending += 1
        self.most_sending = max(self.most_sending, self.sending)
        try:
            await self._pour(request, answer, start)
        finally:
            self.sending -= 1
        return answer

    async def _pour(
        self, request: web.Request, answer: web.StreamResponse, start: int
    ) -> None:
        end = len(self.image)
        stop = start + self.breaks.pop(0) if self.breaks else end
        for at in range(start, min(stop, end), _PIECE):
            if self.hold_at and at >= self.hold_at:
                await self.go_on.wait()
            await answer.write(self.image[at : min(at + _PIECE, stop)])
        if stop < end:
            assert request.transport is not None
            request.transport.abort()

    async def _report(self, request: web.Request) -> web.StreamResponse:
        command, body = request.match_info["command"], await request.read()
        self._check(request, "", body)
        report = json.loads(body)
        self.reports.append((command, report))
        await self._note()
        state = report["state"]
        if state == "ready":
            await self.may_answer.wait()
        if statuses := self.no_answers.get(state):
            return web.Response(status=statuses.pop(0))
        usual = "stop" if state == "failed" else "go"
        return web.json_response({"verdict": self.verdicts.get(state, usual)})

    async def _configuration(self, request: web.Request) -> web.StreamResponse:
        command, body = request.match_info["command"], await request.read()
        self._check(request, "configuration", body)
        if self.keep_status == 204:
            self.kept[command] = json.loads(body)
        await self._note()
        return web.Response(status=self.keep_status)
