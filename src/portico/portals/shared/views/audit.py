"""The audit log of one's own company, and of those below (SET-10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portico.audit.selectors import filter_audit, newest_first
from portico.portals.shared.audit_words import SUBJECTS, action_sentence
from portico.portals.shared.exports import json_stream
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import (
    Asked,
    Column,
    Filter,
    ListSpec,
    chunks,
    show_list,
)
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.selectors import members_of, organization_names, visible_audit

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portico.audit.models import AuditEntry


@dataclass(frozen=True, slots=True)
class Line:
    """One entry in words."""

    entry: AuditEntry
    company: str
    # The company as whose visitor it was done.
    visited: str

    @property
    def who(self) -> str:
        return self.entry.actor_name or str(_("Portico itself"))

    @property
    def what(self) -> str:
        return action_sentence(self.entry.action, self.entry.object_name)

    @property
    def changes(self) -> list[tuple[str, object, object]]:
        """Field, before and after, of what the entry holds."""
        before, after = self.entry.before, self.entry.after
        keys = [*before, *(key for key in after if key not in before)]
        return [(key, before.get(key, ""), after.get(key, "")) for key in keys]


def _flat(line: Line) -> str:
    return "; ".join(f"{key}: {old} → {new}" for key, old, new in line.changes)


AUDIT: ListSpec[Line] = ListSpec(
    name="audit",
    columns=(
        Column(
            key="at",
            label=_("Time"),
            text=lambda one: timezone.localtime(one.entry.at).isoformat(),
            is_fixed=True,
        ),
        Column(key="who", label=_("Who"), text=lambda one: one.who),
        Column(key="what", label=_("What"), text=lambda one: one.what, is_fixed=True),
        Column(key="company", label=_("Company"), text=lambda one: one.company),
        Column(key="changes", label=_("Changes"), text=_flat),
        Column(key="address", label=_("Address"), text=lambda one: one.entry.address),
    ),
    filters=(
        Filter(key="subject", label=_("Everything"), choices=SUBJECTS),
        Filter(key="from", label=_("From")),
        Filter(key="to", label=_("To")),
    ),
)
OWN_AUDIT = replace(AUDIT, hidden=frozenset({"company"}))


def audit_log(request: StaffRequest) -> HttpResponse:
    company = request.membership.organization
    people = {str(one.user_id): str(one.user) for one in members_of(company)}
    who = Filter(key="person", label=_("Everybody"), choices=people, is_open=True)
    spec = OWN_AUDIT if company.kind == OrganizationKind.INSTALLER else AUDIT
    asked = spec.ask(request, who)
    entries = _entries(request, asked)
    if request.GET.get("export") == "json":
        lines = _objects(chunks(entries, audit_lines))
        return cast("HttpResponse", json_stream("audit.json", lines))
    return show_list(
        request, spec, asked, entries, items=audit_lines, page="shared/audit.html"
    )


def _entries(request: StaffRequest, asked: Asked) -> QuerySet[AuditEntry]:
    found = filter_audit(
        visible_audit(request.user),
        text=asked.text,
        subject=asked["subject"],
        actor_id=int(asked["person"]) if asked["person"] else None,
        since=asked.begins("from"),
        until=asked.ends("to"),
    )
    return newest_first(found)


def audit_lines(entries: Sequence[AuditEntry]) -> Sequence[Line]:
    """``entries`` in words, with the names of their companies."""
    ids = {one.organization_id for one in entries}
    ids |= {one.on_behalf_of_id for one in entries}
    names = organization_names([pk for pk in ids if pk is not None])
    return [
        Line(
            one,
            names.get(one.organization_id or 0, ""),
            names.get(one.on_behalf_of_id or 0, ""),
        )
        for one in entries
    ]


def _objects(lines: Iterator[Line]) -> Iterator[Mapping[str, object]]:
    for line in lines:
        entry = line.entry
        yield {
            "id": entry.pk,
            "at": entry.at,
            "actor_id": entry.actor_id,
            "actor": entry.actor_name,
            "as_visitor_of": line.visited,
            "company": line.company,
            "action": entry.action,
            "object_type": entry.object_type,
            "object_id": entry.object_id,
            "object": entry.object_name,
            "before": entry.before,
            "after": entry.after,
            "address": entry.address,
            "request_id": entry.request_id,
        }
