"""Which lines of a log are one visit, and the addresses of pictures. No database access."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta

from django.core import signing

from portico.events.enums import LogKind, Outcome
from portico.events.models import LogEntry

# Without anything for so long, what comes next is another visit.
GAP = timedelta(seconds=60)
# Ringing and talking take their time; no unit tells how long.
CALL_GAP = timedelta(seconds=120)
# Who has opened walks through: his motion, and the alarm of a door that he leaves open.
WALKS_THROUGH = timedelta(seconds=15)
LEAVES_OPEN = timedelta(seconds=30)
# The same person by the same means: gate and front door, or once more.
SAME_HAND = timedelta(seconds=30)
# What goes on and on (traffic, somebody who tries codes) begins anew this often.
SLOT = timedelta(minutes=5)
# A line further away than this cannot change where a visit begins.
REACH = max(GAP, CALL_GAP) + max(WALKS_THROUGH, LEAVES_OPEN, SAME_HAND)

OPENED = (Outcome.GRANTED, Outcome.UNCONFIRMED)


def is_opening(entry: LogEntry) -> bool:
    """Whether a door opened, as far as anybody knows."""
    return entry.kind == LogKind.DOOR and entry.outcome in OPENED


def split_visits(entries: Iterable[LogEntry]) -> list[list[LogEntry]]:
    """``entries`` of one device, the oldest first, as visits.

    The lines alone decide, not when they arrived. An opening ends a visit: only what
    follows from it still belongs to it, so that two people who open one after the other
    are two visits. Whether a line begins one depends on nothing further back than REACH.
    """
    visits: list[list[LogEntry]] = []
    for entry in entries:
        if visits and not _begins_visit(entry, visits[-1]):
            visits[-1].append(entry)
        else:
            visits.append([entry])
    return visits


def _begins_visit(entry: LogEntry, visit: list[LogEntry]) -> bool:
    last = visit[-1]
    gap = CALL_GAP if last.kind == LogKind.CALL else GAP
    if entry.site_id != last.site_id or entry.occurred_at - last.occurred_at > gap:
        return True
    opening = next((one for one in reversed(visit) if is_opening(one)), None)
    if opening is not None:
        return not _follows(entry, opening)
    goes_on = entry.kind in {LogKind.MOTION, last.kind} and not is_opening(entry)
    return goes_on and _slot(entry) != _slot(last)


def _follows(entry: LogEntry, opening: LogEntry) -> bool:
    after = entry.occurred_at - opening.occurred_at
    if entry.kind == LogKind.MOTION:
        return after <= WALKS_THROUGH
    if entry.kind == LogKind.ALARM:
        return after <= LEAVES_OPEN
    hands = [(one.kind, one.method, one.initiator) for one in (entry, opening)]
    is_same_hand = hands[0] == hands[1] and bool(entry.initiator)
    return is_same_hand and after <= SAME_HAND


def _slot(entry: LogEntry) -> int:
    return int(entry.occurred_at.timestamp() // SLOT.total_seconds())


# An address is good for at least half of this, so that a page which stands open still
# loads its pictures; and the same for that time, so that browsers fetch each once.
_ADDRESS_SECONDS = 3600
_ROUND_SECONDS = _ADDRESS_SECONDS // 2


class _Signer(signing.TimestampSigner):
    def timestamp(self) -> str:
        """Now, rounded down."""
        return signing.b62_encode(int(time.time()) // _ROUND_SECONDS * _ROUND_SECONDS)


_SIGNER = _Signer(salt="portico.events.capture")


def sign_capture(capture_id: int, viewer_id: int) -> str:
    """The part of an address that shows one picture to one account, for an hour at most."""
    return _SIGNER.sign(f"{capture_id}.{viewer_id}")


def read_capture(signed: str) -> tuple[int, int] | None:
    """The picture and the account of :func:`sign_capture`; None: forged or expired."""
    try:
        text = _SIGNER.unsign(signed, max_age=_ADDRESS_SECONDS)
    except signing.BadSignature:
        return None
    capture_id, viewer_id = text.split(".")
    return int(capture_id), int(viewer_id)
