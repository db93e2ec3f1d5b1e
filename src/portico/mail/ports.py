"""How a message leaves: adapters are plugged in by ``config.wiring``."""

from __future__ import annotations

from typing import Protocol


class SmsTransport(Protocol):
    """A provider of short messages."""

    def __call__(self, *, recipient: str, text: str, message_id: int) -> None:
        """Hand over one message; ``message_id`` lets a provider drop a repetition.

        :raises OSError: not now, worth another try.
        """


class _Installed:
    sms: SmsTransport | None = None


def install_sms(transport: SmsTransport | None) -> None:
    """Plug in the SMS provider; None: this installation sends no SMS."""
    _Installed.sms = transport


def sms_transport() -> SmsTransport | None:
    """The installed provider."""
    return _Installed.sms
