"""What a bridge is told with an order of remote control; a part of :mod:`.domain`."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings

from portico.kernel.clock import utcnow
from portico.remote.rules import origin_of
from portico.remote.services.sessions import order_data


def remote_order(device_id: int, command_id: uuid.UUID) -> dict[str, Any]:
    """The order's ``data``; empty, which a bridge refuses, when the session is over."""
    told = order_data(device_id=device_id, command_id=command_id, now=utcnow())
    if told is None:
        return {}
    label = str(told.pop("label"))
    base = settings.ENVIRONMENT.remote_base
    # Names below "localhost" are the browser's own idea; and there is one gateway then.
    is_local = base.partition("://")[2].partition(":")[0] == "localhost"
    return {**told, "at": None if is_local else origin_of(base, label)}
