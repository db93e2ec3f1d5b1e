"""The gateway's door to the sessions of remote control, beside :mod:`.domain`."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from portico.kernel.clock import to_ms, utcnow
from portico.remote.enums import EndReason
from portico.remote.rules import ENTER_PATH, LABEL, origin_of
from portico.remote.selectors import session_at
from portico.remote.services import sessions

if TYPE_CHECKING:
    from portico.remote.models import RemoteSession

__all__ = [
    "ENTER_PATH",
    "LABEL",
    "RemoteDomain",
    "RemoteInfo",
    "origin_of",
    "style",
]

Call = Callable[..., Awaitable[Any]]
_STYLE: Final = Path(__file__).with_name("remote.css")


@dataclass(frozen=True, slots=True)
class RemoteInfo:
    """One session, as its requests need it."""

    id: uuid.UUID
    label: str
    cookie_digest: str
    is_over: bool
    device_name: str
    mac: str
    why: str
    language: str
    until: int


def _info(label: str) -> RemoteInfo | None:
    session = session_at(label)
    return None if session is None else _of(session)


def _of(session: RemoteSession) -> RemoteInfo:
    person = session.opened_by
    language = person.language if person else ""
    return RemoteInfo(
        id=session.pk,
        label=session.label,
        cookie_digest=session.cookie_digest,
        is_over=session.is_over or session.expires_at <= utcnow(),
        device_name=session.device.name if session.device else session.device_name,
        mac=session.device.mac if session.device else "",
        why=session.end_reason,
        language=language if language in dict(settings.LANGUAGES) else "en",
        until=to_ms(session.expires_at),
    )


def _attach(session: uuid.UUID, bridge: uuid.UUID, secret: str) -> RemoteInfo | None:
    found = sessions.attach(
        session_id=session, bridge_id=bridge, secret=secret, now=utcnow()
    )
    return None if found is None else _of(found)


def _page(kind: str, info: RemoteInfo) -> bytes:
    base = settings.ENVIRONMENT.public_url.rstrip("/")
    path = f"/installer/devices/{info.mac}/remote/" if info.mac else "/installer/"
    context = {"kind": kind, "info": info, "back": base + path}
    with translation.override(info.language):
        return render_to_string("remote/page.html", context).encode()


@cache
def style() -> bytes:
    """The style sheet of our own pages on a session's origin."""
    return _STYLE.read_bytes()


class RemoteDomain:
    """See :class:`portico.gateway.domain.Domain`, in whose threads this runs.

    Every method may raise :class:`portico.gateway.domain.StoreFailed`.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    async def info(self, label: str) -> RemoteInfo | None:
        """The session of one host name, also one that is over."""
        found: RemoteInfo | None = await self._call(_info, label)
        return found

    async def enter(self, label: str, token: str) -> str | None:
        """Spend an entry; the secret for the browser's cookie."""
        secret: str | None = await self._call(
            sessions.enter, label=label, token=token, now=utcnow()
        )
        return secret

    async def attach(
        self, session: uuid.UUID, bridge: uuid.UUID, secret: str
    ) -> RemoteInfo | None:
        """The bridge has come; None: not for this session, or not any more."""
        found: RemoteInfo | None = await self._call(_attach, session, bridge, secret)
        return found

    async def still_runs(self, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
        """Those that may go on."""
        going: set[uuid.UUID] = await self._call(
            sessions.still_runs, session_ids=list(ids), now=utcnow()
        )
        return going

    async def broke(self, session: uuid.UUID) -> None:
        """The connection of a session is gone; so is the session."""
        why = EndReason.BRIDGE_GONE
        await self._call(sessions.end_by_id, session_id=session, why=why, now=utcnow())

    async def note_use(self, session: uuid.UUID, requests: int, sent: int) -> None:
        await self._call(
            sessions.note_use, session_id=session, requests=requests, sent=sent
        )

    async def page(self, kind: str, info: RemoteInfo) -> bytes:
        """A page of ours, in the language of who opened the session."""
        found: bytes = await self._call(_page, kind, info)
        return found
