"""The one way to write the audit log."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from django.db import models

from portico.audit.models import AuditEntry
from portico.kernel.context import origin


class Actor(Protocol):
    """Whoever acts; a user, seen from below."""

    @property
    def pk(self) -> Any: ...


def record(
    *,
    actor: Actor | None,
    action: str,
    subject: models.Model,
    now: datetime,
    organization_id: int | None = None,
    site_id: uuid.UUID | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write one entry in the current transaction.

    ``action`` is ``<object>.<verb>`` such as ``device.registered``; ``before`` and
    ``after`` hold JSON values and never a secret.
    """
    where = origin.get()
    return AuditEntry.objects.create(
        at=now,
        actor_id=None if actor is None else actor.pk,
        actor_name="" if actor is None else str(actor)[:255],
        on_behalf_of_id=None if actor is None else where.on_behalf_of,
        organization_id=organization_id or where.on_behalf_of or where.organization,
        site_id=site_id,
        action=action,
        object_type=subject._meta.label_lower,  # noqa: SLF001 -- Django's documented API
        object_id=str(subject.pk),
        object_name=str(subject)[:255],
        before=dict(before or {}),
        after=dict(after or {}),
        address=where.address,
        request_id=where.request_id,
    )
