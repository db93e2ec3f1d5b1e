"""The control API: JSON over HTTP with a bearer token, for demos and tests."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from portico.simulator import acts
from portico.simulator.bridges import BadBridge, BridgeSupervisor
from portico.simulator.fleet import Fleet, FleetError, details, summary

# The longest that GET /devices/{mac}/fired waits for an event.
MAX_WAIT_SECONDS: Final = 60.0

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _BadRequest(ValueError):
    """The body or the query is not what the endpoint takes."""


def application(
    fleet: Fleet, bridges: BridgeSupervisor, *, token: str
) -> web.Application:
    """The aiohttp application; docs/simulator.md lists its endpoints."""
    control = _Control(fleet, bridges)
    app = web.Application(middlewares=[_guard(token), _errors])
    app.add_routes(
        [
            web.get("/devices", control.devices),
            web.post("/devices", control.put_device),
            web.get("/devices/{mac}", control.device),
            web.delete("/devices/{mac}", control.delete_device),
            web.post("/devices/{mac}/act", control.act),
            web.post("/devices/{mac}/config", control.configure),
            web.get("/devices/{mac}/fired", control.fired),
            web.get("/bridges", control.list_bridges),
            web.post("/bridges", control.put_bridge),
            web.delete("/bridges/{name}", control.delete_bridge),
        ]
    )
    return app


class _Control:
    def __init__(self, fleet: Fleet, bridges: BridgeSupervisor) -> None:
        self._fleet = fleet
        self._bridges = bridges

    async def devices(self, _request: web.Request) -> web.Response:
        return web.json_response([summary(unit) for unit in self._fleet.units])

    async def device(self, request: web.Request) -> web.Response:
        return web.json_response(details(self._fleet.get(request.match_info["mac"])))

    async def put_device(self, request: web.Request) -> web.Response:
        body = await _object(request)
        unit = await self._fleet.put(
            mac=_text(body, "mac"),
            model=_text(body, "model"),
            url=_text(body, "url"),
            name=_text(body, "name"),
            label=body.get("label") is True,
        )
        return web.json_response(summary(unit))

    async def delete_device(self, request: web.Request) -> web.Response:
        await self._fleet.remove(request.match_info["mac"])
        return web.Response(status=204)

    async def act(self, request: web.Request) -> web.Response:
        unit = self._fleet.get(request.match_info["mac"])
        params = await _object(request)
        name = _text(params, "act")
        del params["act"]
        return web.json_response(await unit.act(name, **params))

    async def configure(self, request: web.Request) -> web.Response:
        unit = self._fleet.get(request.match_info["mac"])
        body = await _object(request)
        values = {key: _text(body, key) for key in body}
        changed = unit.unit.core.settings.apply(values)
        return web.json_response({"changed": sorted(changed)})

    async def fired(self, request: web.Request) -> web.Response:
        unit = self._fleet.get(request.match_info["mac"])
        try:
            count = int(request.query.get("count", "1"))
            seconds = min(float(request.query.get("seconds", "0")), MAX_WAIT_SECONDS)
        except ValueError as error:
            raise _BadRequest("count and seconds are numbers") from error
        suffix = request.query.get("suffix", "")
        try:
            found = await unit.wait_fired(suffix, count=count, seconds=seconds)
        except TimeoutError:
            return web.json_response({"error": f"no {count} x {suffix}"}, status=504)
        return web.json_response(
            [{"url": each.url, "status": each.status} for each in found]
        )

    async def list_bridges(self, _request: web.Request) -> web.Response:
        return web.json_response(self._bridges.shown())

    async def put_bridge(self, request: web.Request) -> web.Response:
        body = await _object(request)
        shown = await self._bridges.put(
            name=_text(body, "name"),
            server=_text(body, "server"),
            token=_text(body, "token"),
        )
        return web.json_response(shown)

    async def delete_bridge(self, request: web.Request) -> web.Response:
        removed = await self._bridges.remove(request.match_info["name"])
        return web.Response(status=204 if removed else 404)


def _guard(token: str) -> Any:
    wanted = f"Bearer {token}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, wanted):
            return web.json_response({"error": "bearer token required"}, status=401)
        return await handler(request)

    return guard


@web.middleware
async def _errors(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except FleetError as error:
        return web.json_response({"error": str(error)}, status=error.status)
    except (acts.BadAct, BadBridge, _BadRequest) as error:
        return web.json_response({"error": str(error)}, status=422)


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise _BadRequest("the body is not JSON") from error
    if not isinstance(body, dict):
        raise _BadRequest("the body is not a JSON object")
    return body


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise _BadRequest(f"{name} is a text")
    return value
