"""Remote control by host name: every session has an origin of its own (REM-2).

``<label>.<remote host>`` is one device's pages for one browser. Whoever has not come by the
one-time entry finds nothing there.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qs

import structlog

from portico.gateway.domain import Domain, StoreFailed
from portico.gateway.http import Receive, Scope, Send, header, problem, respond
from portico.gateway.remote_domain import (
    ENTER_PATH,
    LABEL,
    RemoteDomain,
    RemoteInfo,
    origin_of,
    style,
)
from portico.gateway.remote_exchange import NoAnswer, Refusal, exchange, talk
from portico.gateway.remote_rules import (
    OWN_PREFIX,
    LeadsElsewhere,
    Place,
    cookie_names,
    is_own_request,
)
from portico.gateway.remote_tunnel import PREFIX, Tunnel, Tunnels
from portico.kernel.ids import secret_digest

log = structlog.get_logger(__name__)

# The bridge needs some three round trips; its order lives for ten seconds.
ATTACH_SECONDS: Final = 12.0
# What a session's requests may not yet know of its end.
INFO_SECONDS: Final = 1.0
_MOST_INFOS: Final = 1_000
_STYLE_PATH: Final = "/.portico/page.css"
_HTML: Final = (b"content-type", b"text/html; charset=utf-8")
# Not "cookies": that would clear those of the portal, when it is of the same domain.
_CLEAR: Final = (b"clear-site-data", b'"cache", "storage"')
_OWN_PAGE: Final = (
    (b"content-security-policy", b"default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex"),
)  # fmt: skip
_GONE: Final = frozenset({"gone", "moved"})


class Remote:
    """All sessions' origins, as far as this gateway process serves them."""

    def __init__(self, domain: Domain, base: str) -> None:
        """:param base: ``scheme://host[:port]``; "" : there is no remote control."""
        self._base = base
        self._name = base.partition("://")[2].partition(":")[0].lower()
        self._is_secure = base.startswith("https:")
        self._cookie = ("__Host-" if self._is_secure else "") + "portico_remote"
        self._domain = RemoteDomain(domain.call)
        self.tunnels = Tunnels(domain, self._domain, self._place)
        self._infos: dict[str, tuple[float, RemoteInfo | None]] = {}

    def label(self, scope: Scope) -> str | None:
        """The session's label in the host name, "" for none; None: another's host."""
        if not self._name:
            return None
        suffix = f".{self._name}"
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        names = [_host_name(value) for value in hosts]
        if not any(name.endswith(suffix) for name in names):
            return None
        label = names[0].removesuffix(suffix)
        return label if len(names) == 1 and LABEL.fullmatch(label) else ""

    def hint(self, subject: str) -> None:
        if subject == "remote.changed":
            self._infos.clear()
        self.tunnels.hint(subject)

    # Browsers

    async def http(
        self, label: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer one request at a session's origin."""
        try:
            await self._http(label, scope, receive, send)
        except Refusal as refusal:
            await problem(send, refusal.status, refusal.code, headers=_OWN_PAGE)
        except StoreFailed:
            await problem(send, 503, "try_again", headers=[(b"retry-after", b"2")])

    async def _http(
        self, label: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """:raises Refusal, StoreFailed: see there."""
        if scope["path"] == ENTER_PATH and LABEL.fullmatch(label):
            await self._enter(label, scope, send)
            return
        info = await self._admitted(label, scope)
        if scope["path"] == _STYLE_PATH:
            await respond(
                send, 200, style(), [(b"content-type", b"text/css"), *_OWN_PAGE]
            )
        elif scope["path"].startswith(OWN_PREFIX):
            raise Refusal(404, "not_found")
        elif info.is_over:
            await self._show(send, 410, "over", info, headers=self._farewell(scope))
        else:
            await self._pass(info, scope, receive, send)

    async def _pass(
        self, info: RemoteInfo, scope: Scope, receive: Receive, send: Send
    ) -> None:
        place = self._place(info, "", 0)
        if not is_own_request(scope["headers"], place, method=scope["method"]):
            raise Refusal(403, "from_elsewhere")
        if header(scope, b"service-worker"):
            # It would outlive the session and stand between us and the browser.
            raise Refusal(403, "no_service_workers")
        try:
            tunnel = await self._tunnel(info)
            await exchange(scope, receive, send, tunnel=tunnel)
        except LeadsElsewhere:
            await self._show(send, 502, "elsewhere", info)
        except NoAnswer as no:
            self._infos.pop(info.label, None)
            newest = await self._info(info.label)
            if newest is not None and newest.is_over:
                await self._show(
                    send, 410, "over", newest, headers=self._farewell(scope)
                )
            elif no.reason in _GONE:
                await self._show(send, 502, "bridge_away", info)
            else:
                await self._show(send, 504, "no_answer", info)

    async def _tunnel(self, info: RemoteInfo) -> Tunnel:
        """:raises NoAnswer: the bridge does not come."""
        tunnel = await self.tunnels.wait(info.id, ATTACH_SECONDS)
        if tunnel is None:
            raise NoAnswer("gone")
        return tunnel

    async def _enter(self, label: str, scope: Scope, send: Send) -> None:
        """Spend the entry and give the browser its cookie. :raises Refusal: no entry."""
        if scope["method"] != "GET":
            raise Refusal(404, "not_found")
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=4)
        token = query.get("token", [""])[0]
        secret = await self._domain.enter(label, token) if token.isascii() else None
        if secret is None:
            raise Refusal(404, "not_found")
        self._infos.pop(label, None)
        cookie = f"{self._cookie}={secret}; Path=/; HttpOnly; SameSite=Lax"
        cookie += "; Secure" if self._is_secure else ""
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), *_OWN_PAGE]
        await respond(send, 303, b"", headers)

    async def websocket(
        self, label: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """One WebSocket at a session's origin."""
        await receive()
        try:
            info = await self._admitted(label, scope)
            self._check_socket(info, scope)
            tunnel = await self._tunnel(info)
            await talk(scope, receive, send, tunnel=tunnel)
        except (Refusal, NoAnswer, StoreFailed):
            await send({"type": "websocket.close", "code": 1011})

    def _check_socket(self, info: RemoteInfo, scope: Scope) -> None:
        """:raises Refusal: it is from elsewhere, or too late."""
        place = self._place(info, "", 0)
        is_own = is_own_request(scope["headers"], place, method="GET", is_socket=True)
        if not is_own or info.is_over:
            raise Refusal(403, "not_now")

    async def _admitted(self, label: str, scope: Scope) -> RemoteInfo:
        """The session, if this browser has entered it. :raises Refusal: 404."""
        info = await self._info(label) if label else None
        secret = _cookie(scope, self._cookie)
        if info is None or not info.cookie_digest or not secret:
            raise Refusal(404, "not_found")
        if not secrets.compare_digest(secret_digest(secret), info.cookie_digest):
            raise Refusal(404, "not_found")
        return info

    async def _info(self, label: str) -> RemoteInfo | None:
        """What is known of ``label``, as of a second ago at most."""
        known = self._infos.get(label)
        now = time.monotonic()
        if known is not None and now - known[0] < INFO_SECONDS:
            return known[1]
        info = await self._domain.info(label)
        if len(self._infos) >= _MOST_INFOS:
            self._infos.clear()
        self._infos[label] = (now, info)
        return info

    def _place(self, info: RemoteInfo, host: str, port: int) -> Place:
        return Place(origin_of(self._base, info.label), host, port)

    def _farewell(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Headers that take from the browser what the session has left there."""
        names = cookie_names(header(scope, b"cookie"))
        flags = "; Secure" if self._is_secure else ""
        gone = [
            f"{name}=; Path=/; Max-Age=0{flags}" for name in names if _is_name(name)
        ]
        cookies = [(b"set-cookie", each.encode("latin-1")) for each in gone]
        return [_CLEAR, *cookies]

    async def _show(
        self,
        send: Send,
        status: int,
        kind: str,
        info: RemoteInfo,
        *,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """A page of ours in place of the device's."""
        body = await self._domain.page(kind, info)
        await respond(send, status, body, [_HTML, *_OWN_PAGE, *headers])

    # Bridges

    @staticmethod
    def is_bridge(scope: Scope) -> bool:
        return bool(scope["path"].startswith(PREFIX))

    async def bridge(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A bridge's connection for one session."""
        await self.tunnels.serve(scope["path"], receive, send)


def _host_name(value: bytes) -> str:
    return value.decode("latin-1").partition(":")[0].lower().removesuffix(".")


def _cookie(scope: Scope, name: str) -> str:
    """The one cookie of that name; "" when there are several: one is not ours."""
    found = [
        value
        for key, raw in scope["headers"]
        if key == b"cookie"
        for pair in raw.decode("latin-1").split(";")
        for own, _, value in [pair.strip().partition("=")]
        if own == name
    ]
    return found[0] if len(found) == 1 else ""


def _is_name(name: str) -> bool:
    return (
        bool(name)
        and name.isascii()
        and name.replace("_", "").replace("-", "").isalnum()
    )
