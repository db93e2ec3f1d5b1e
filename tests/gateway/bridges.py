"""A bridge's end of the protocol, for tests that play the bridge by hand."""

from __future__ import annotations

import json
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from portico.accounts.models import User
from portico.devices.services.bridges import invite_bridge
from portico.kernel.clock import to_ms, utcnow
from portico.protocols.bridge import envelope, signing
from portico.protocols.bridge import messages as wire
from portico.sites.models import Site
from tests.gateway.server import RunningGateway

TIMEOUT_SECONDS = 10.0


def enrol(
    gateway: RunningGateway, site: Site, installer: User
) -> tuple[UUID, bytes, str]:
    """Invite and enrol over HTTP; returns id, private key and the spent token."""
    _, token = invite_bridge(actor=installer, site=site, name="Box", now=utcnow())
    private = signing.generate_private_key()
    answer = ask_enrolment(gateway, token, private)
    assert answer.status_code == 200, answer.text
    return UUID(answer.json()["bridge_id"]), private, token


def ask_enrolment(
    gateway: RunningGateway, token: str, private: bytes
) -> httpx.Response:
    body = {
        "token": token,
        "public_key": signing.to_base64url(signing.public_key(private)),
        "name": "box",
        "version": "0.1.0",
    }
    return httpx.post(f"{gateway.base}/bridge/v1/enrol", json=body, trust_env=False)


class HandBridge:
    """A connected session; messages are read until the wanted kind comes."""

    def __init__(
        self, gateway: RunningGateway, bridge_id: UUID, private: bytes
    ) -> None:
        self.id = bridge_id
        self._private = private
        self._address = f"{gateway.ws}/bridge/v1/session"
        self._stack = ExitStack()
        self._socket: ClientConnection

    def __enter__(self) -> Self:
        connection = connect(self._address, proxy=None)
        self._socket = self._stack.enter_context(connection)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def authenticate(self, lan: str | None = "http://192.168.1.5:8089") -> wire.Roster:
        challenge = self.expect(wire.Challenge)
        signature = signing.sign(self._private, challenge.nonce, self.id)
        self.send(wire.Auth(self.id, signature, 1, "0.1.0", lan))
        self.expect(wire.Ready)
        roster: wire.Roster = self.expect(wire.Roster)
        return roster

    def send(self, message: wire.BridgeMessage) -> None:
        self._socket.send(envelope.encode(message))

    def send_raw(self, content: Any) -> None:
        self._socket.send(
            content if isinstance(content, str | bytes) else json.dumps(content)
        )

    def expect(self, kind: Any) -> Any:
        """The next message of ``kind``; others are skipped."""
        while True:
            text = self._socket.recv(timeout=TIMEOUT_SECONDS)
            message = envelope.decode_from_server(str(text))
            if isinstance(message, kind):
                return message

    def closed(self) -> int:
        """The code with which the server ends the session."""
        try:
            while True:
                self._socket.recv(timeout=TIMEOUT_SECONDS)
        except ConnectionClosed as error:
            return error.rcvd.code if error.rcvd else 0

    def acknowledge(self, command: wire.Command) -> None:
        state = wire.CommandState.ACKNOWLEDGED
        self.send(wire.CommandResult(command.id, state, "", to_ms(utcnow()), 5))
