"""A unit's SIP end over a real UDP socket, that does as it is told."""

from __future__ import annotations

import socket
from dataclasses import replace

from portico.devices.models import Device
from portico.protocols import digest
from portico.protocols.sip import SipMessage, answer_to, parse
from tests.gateway.server import RunningGateway
from tests.waiting import LONGEST_SECONDS


class Phone:
    """A unit that registers as it is told."""

    def __init__(self, gateway: RunningGateway, device: Device) -> None:
        self._server = gateway.sip
        self._number = device.sip.number
        self._password = device.sip.password
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(10)

    def ask(self, message: SipMessage | bytes) -> SipMessage:
        self.tell(message if isinstance(message, bytes) else message.encode())
        return parse(self._socket.recv(65_507))

    def tell(self, data: bytes) -> None:
        self._socket.sendto(data, self._server)

    def request(self, *, expires: int = 60) -> SipMessage:
        port = self._socket.getsockname()[1]
        me = f"<sip:{self._number}@127.0.0.1>"
        headers = (
            ("Via", f"SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK1"),
            ("From", f"{me};tag=1"),
            ("To", me),
            ("Call-ID", "call"),
            ("CSeq", "1 REGISTER"),
            ("Contact", f"<sip:{self._number}@127.0.0.1:{port}>"),
            ("Expires", str(expires)),
        )
        return SipMessage(headers, method="REGISTER", uri="sip:127.0.0.1")

    def register(self, *, password: str = "", expires: int = 60) -> SipMessage:
        request = self.request(expires=expires)
        refused = self.ask(request)
        assert refused.status == 401
        token = digest.answer(
            refused.get("WWW-Authenticate"),
            method="REGISTER",
            uri=request.uri,
            user=self._number,
            password=password or self._password,
        )
        headers = (*request.headers, ("Authorization", str(token)))
        return self.ask(replace(request, headers=headers))

    def texted(self) -> SipMessage:
        """The next request from the gateway."""
        self._socket.settimeout(LONGEST_SECONDS)
        return parse(self._socket.recv(65_507))

    def heard_nothing(self) -> bool:
        """Whether nothing lies in the socket."""
        self._socket.setblocking(False)
        try:
            self._socket.recv(65_507)
        except BlockingIOError:
            return True
        return False

    def answer(self, request: SipMessage, status: int) -> None:
        self.tell(answer_to(request, status, "As told", tag="9").encode())

    def close(self) -> None:
        self._socket.close()
