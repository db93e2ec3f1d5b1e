"""The log as a file, made in the background: the lines that match, newest first."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, QueryDict
from django.utils import timezone

from portico.events.selectors import managed_log, visible_log
from portico.exports.enums import ExportFormat
from portico.exports.ports import Order, Piece, Source, register_source
from portico.exports.selectors import chunks_down
from portico.portals.shared.exports import JSON_END, csv_text, json_text
from portico.portals.shared.log import LOG, VISITS, narrowed

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portico.accounts.models import User
    from portico.events.models import LogEntry

# The log of an installer's people, and that of a property manager.
SOURCES: dict[str, Callable[[User], QuerySet[LogEntry]]] = {
    "log": visible_log,
    "managed_log": managed_log,
}
_MAC = re.compile(r"[0-9A-F]{12}")


def _asked(order: Order, entries: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
    request = HttpRequest()
    request.GET = query = QueryDict(order.query)
    found = narrowed(entries, VISITS.ask(request))
    if _MAC.fullmatch(mac := query.get("device", "")):
        found = found.filter(device_mac=mac)
    try:
        site = uuid.UUID(query.get("site", ""))
    except ValueError:
        return found
    return found.filter(site=site)


def _record(one: LogEntry) -> dict[str, Any]:
    return {
        "id": one.pk,
        "visit": one.visit_id,
        "at": timezone.localtime(one.occurred_at).isoformat(),
        "received_at": timezone.localtime(one.received_at).isoformat(),
        "site": one.site.room_name,
        "site_id": str(one.site_id),
        "device": one.device_name,
        "mac": one.device_mac,
        "door": one.relay_name,
        "relay": one.relay_number,
        "kind": one.kind,
        "who": one.initiator,
        "how": one.method,
        "shown": one.credential,
        "outcome": one.outcome,
        "reason": one.reason,
        "latency_ms": one.latency_ms,
    }


def _csv(chunks: Iterator[list[LogEntry]]) -> Iterator[Piece]:
    head = [[str(column.label) for column in LOG.columns]]
    yield Piece(csv_text(head, is_first=True), 0)
    for chunk in chunks:
        rows = [[column.text(one) for column in LOG.columns] for one in chunk]
        yield Piece(csv_text(rows), len(chunk))


def _json(chunks: Iterator[list[LogEntry]]) -> Iterator[Piece]:
    is_first = True
    for chunk in chunks:
        text = json_text([_record(one) for one in chunk], is_first=is_first)
        is_first = False
        yield Piece(text, len(chunk))
    yield Piece(("[" if is_first else "") + JSON_END, 0)


def _total(rows: Callable[[User], QuerySet[LogEntry]], order: Order) -> int:
    return _asked(order, rows(order.user)).order_by().count()


def _pieces(
    rows: Callable[[User], QuerySet[LogEntry]], order: Order
) -> Iterator[Piece]:
    found = _asked(order, rows(order.user)).select_related("site")
    write = _json if order.format == ExportFormat.JSON else _csv
    return write(chunks_down(found, "occurred_at"))


for _name, _rows in SOURCES.items():
    register_source(_name, Source(partial(_total, _rows), partial(_pieces, _rows)))
