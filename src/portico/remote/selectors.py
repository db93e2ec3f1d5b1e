"""Sessions of remote control: scope first."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db.models import Q

from portico.accounts.models import User
from portico.devices.models import Bridge, Device
from portico.devices.selectors import visible_devices
from portico.kernel.errors import NotVisible
from portico.kernel.ids import secret_digest
from portico.remote.models import RemoteSession

# What a device's page shows of its past.
_LATEST = 5


def live_session(device: Device, now: datetime) -> RemoteSession | None:
    """The session of a device that the caller has been shown, if one runs."""
    rows = RemoteSession.objects.filter(device=device, ended_at=None)
    return rows.filter(expires_at__gt=now).select_related("command").first()


def latest_sessions(device: Device, now: datetime) -> list[RemoteSession]:
    """The last ones of a device that the caller has been shown, the newest first."""
    over = Q(ended_at__isnull=False) | Q(expires_at__lte=now)
    rows = RemoteSession.objects.filter(over, device=device)
    rows = rows.select_related("command").order_by("-opened_at")
    return list(rows[:_LATEST])


def get_visible_session(actor: User, mac: str, session_id: uuid.UUID) -> RemoteSession:
    """One session of a device of ``actor``. :raises NotVisible: it is none of them."""
    rows = RemoteSession.objects.select_related("device__site", "site")
    rows = rows.filter(device__in=visible_devices(actor).filter(mac=mac))
    session = rows.filter(pk=session_id).first()
    if session is None:
        raise NotVisible
    return session


def session_at(label: str) -> RemoteSession | None:
    """The session of one host name, also one that is over."""
    rows = RemoteSession.objects.select_related("device", "opened_by")
    return rows.filter(label=label).first()


def session_for_bridge(
    session_id: uuid.UUID, bridge_id: uuid.UUID, secret: str, now: datetime
) -> RemoteSession | None:
    """The live session that the bridge was ordered to serve, if it knows the secret."""
    sites = Bridge.objects.filter(pk=bridge_id, revoked_at=None).values("site")
    rows = RemoteSession.objects.filter(
        pk=session_id,
        device__site__in=sites,
        bridge_digest=secret_digest(secret),
        ended_at=None,
        expires_at__gt=now,
    )
    return rows.select_related("device").first()
