"""The audit log, narrowed; whose entries somebody may read, ``tenancy`` knows."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from portico.audit.models import AuditEntry


def newest_first(entries: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
    """``entries`` as a reader wants them."""
    return entries.order_by("-at", "-pk")


def filter_audit(
    entries: QuerySet[AuditEntry],
    *,
    text: str = "",
    subject: str = "",
    actor_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEntry]:
    """Narrow by text, the first word of the action, person and time ``[since, until)``."""
    if subject:
        entries = entries.filter(action__startswith=f"{subject}.")
    if actor_id is not None:
        entries = entries.filter(actor_id=actor_id)
    if since is not None:
        entries = entries.filter(at__gte=since)
    if until is not None:
        entries = entries.filter(at__lt=until)
    return _search(entries, text)


def _search(entries: QuerySet[AuditEntry], text: str) -> QuerySet[AuditEntry]:
    words = text.strip()
    if not words:
        return entries
    return entries.filter(
        Q(object_name__icontains=words)
        | Q(actor_name__icontains=words)
        | Q(address__startswith=words)
    )
