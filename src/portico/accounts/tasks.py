from __future__ import annotations

from portico.accounts.enums import Audience
from portico.accounts.services.password_links import SEND_RESET, send_reset
from portico.kernel.clock import utcnow
from portico.kernel.queue import job


@job(SEND_RESET)
def send_password_reset(name: str, audience: str) -> None:
    send_reset(name=name, audience=Audience(audience), now=utcnow())
