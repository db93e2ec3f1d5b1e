"""A real SMTP server on loopback whose answers a test decides."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

OK = "250 OK"


@dataclass
class Post:
    """What the server says, and what it has been given."""

    rcpt: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    # Seconds that it says nothing after a mail.
    silence: float = 0.0
    received: list[EmailMessage] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's names and arguments
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """The next of ``rcpt``, else OK."""
        del server, session, options
        answer = self.rcpt.pop(0) if self.rcpt else OK
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 -- aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """The next of ``data``, else OK; only then the mail is kept."""
        del server
        await asyncio.sleep(self.silence)
        answer = self.data.pop(0) if self.data else OK
        if answer == OK:
            content: Any = envelope.content
            found = message_from_bytes(content, policy=policy.default)
            self.received.append(found)
            self.sessions.append(session)
        return answer


def _is_right(
    server: SMTP, session: Session, envelope: Envelope, *login: Any
) -> AuthResult:
    del server, session, envelope
    _mechanism, data = login
    assert isinstance(data, LoginPassword)
    right = data.login == b"portico" and data.password == b"p@ss/word"
    return AuthResult(success=right, handled=False)


@contextmanager
def smtp_server(post: Post, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a running server; with ``tls`` it wants STARTTLS and a password."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    options: dict[str, Any] = {}
    if tls:
        options = {
            "tls_context": tls,
            "require_starttls": True,
            "authenticator": _is_right,
            "auth_required": True,
        }
    controller = Controller(post, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()
        del controller
        # It leaves broken connections to the garbage, which complains.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
