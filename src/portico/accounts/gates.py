"""What stands between an account and the portals, seen from its row alone: no query."""

from __future__ import annotations

from django.conf import settings

from portico.accounts.enums import Gate
from portico.accounts.models import User


def pending_gate(user: User) -> Gate | None:
    """What ``user`` must do next before he may use the portals."""
    if user.policy_version != settings.PRIVACY_POLICY_VERSION:
        return Gate.PRIVACY
    if not user.email or user.email_confirmed_at is None:
        return Gate.EMAIL
    return None
