"""Sessions of remote control."""

from __future__ import annotations

from portico.accounts.models import User
from portico.devices.models import Device
from portico.kernel.clock import utcnow
from portico.remote.models import RemoteSession
from portico.remote.services.sessions import open_session
from tests.factories import make_seen


def make_remote_session(device: Device, installer: User) -> RemoteSession:
    """A session that runs; the house has a bridge."""
    make_seen(device)
    seen = Device.objects.select_related("site", "presence").get(pk=device.pk)
    return open_session(actor=installer, device=seen, now=utcnow()).session
