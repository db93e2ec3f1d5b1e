"""Opening a vendor's lock: once for each tap, and never again when nobody knows.

Every change of state is a conditional update, and the constraint of one unanswered
command per lock decides between two taps at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from portico.accounts.models import User
from portico.devices.enums import OPEN_STATES, CommandChannel, CommandState
from portico.kernel.errors import NotVisible
from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import enqueue
from portico.locks.enums import LockReason
from portico.locks.errors import LockKeyMismatch
from portico.locks.models import Lock, LockCommand
from portico.locks.ports import LockFailed
from portico.sites.models import Site

OPEN = "locks.open"
LOG_OPENING = "events.log_lock_opening"

# Nobody wants a door to open later than this after the tap.
TIME_TO_LIVE = timedelta(seconds=5)
# The vendor's answer may take as long as an adapter waits for it, and some slack.
ANSWER_GRACE = timedelta(seconds=15)
# The same person's tap without a key, this soon after, means the same opening.
SAME_TAP = timedelta(seconds=3)

Clock = Callable[[], datetime]


def request_open(
    *,
    actor: User,
    lock: Lock,
    channel: CommandChannel,
    idempotency_key: str = "",
    refusal: LockReason | None = None,
    now: datetime,
) -> LockCommand:
    """Order one opening and return the command, maybe an earlier one.

    The same key, or a tap while an opening is under way, gives the command that exists.
    ``refusal`` is a rule of the caller's that forbids it: that is on record, too.

    :raises NotVisible: the lock is assigned to no house.
    :raises LockKeyMismatch: see there.
    """
    if lock.site_id is None:
        raise NotVisible
    earlier = _earlier(actor, lock, idempotency_key, now)
    if earlier is not None and _give_up_if_overdue(earlier, now):
        earlier = _earlier(actor, lock, idempotency_key, now)
    if earlier is not None:
        return earlier
    command = LockCommand(
        lock=lock,
        site_id=lock.site_id,
        state=CommandState.DENIED if refusal else CommandState.REQUESTED,
        reason=refusal or "",
        requested_by=actor,
        requested_by_name=str(actor.name or actor)[:127],
        channel=channel,
        idempotency_key=idempotency_key,
        requested_at=now,
        expires_at=now + TIME_TO_LIVE,
        finished_at=now if refusal else None,
    )
    try:
        _create(command)
    except IntegrityError:
        winner = _earlier(actor, lock, idempotency_key, now)
        if winner is not None:
            return winner
        _create(command)  # that one is answered already: this is one of its own
    return command


@transaction.atomic
def _create(command: LockCommand) -> None:
    command.save(force_insert=True)
    if command.is_finished:
        enqueue(LOG_OPENING, command_id=str(command.pk))
    else:
        enqueue(OPEN, command_id=str(command.pk))
    _announce(command)


def _earlier(actor: User, lock: Lock, key: str, now: datetime) -> LockCommand | None:
    if key:
        mine = LockCommand.objects.filter(requested_by=actor, idempotency_key=key)
        known = mine.first()
        if known is not None and known.lock_id != lock.pk:
            raise LockKeyMismatch
        if known is not None:
            return known
    same_tap = Q(state__in=OPEN_STATES)
    if not key:
        same_tap |= Q(
            requested_by=actor,
            requested_at__gt=now - SAME_TAP,
            state=CommandState.ACKNOWLEDGED,
        )
    found = LockCommand.objects.filter(same_tap, lock=lock)
    return found.order_by("-requested_at").first()


def run_open(*, command_id: uuid.UUID, clock: Clock) -> None:
    """Ask the vendor, if nobody has and it is not too late; safe to run twice."""
    asked = clock()
    rows = LockCommand.objects.filter(pk=command_id)
    claimed = rows.filter(state=CommandState.REQUESTED, expires_at__gt=asked)
    if not claimed.update(state=CommandState.SENT, sent_at=asked):
        return
    command = rows.select_related("lock__account").first()
    if command is None:  # its lock was deleted just now
        return
    _announce(command)
    if command.lock.site_id != command.site_id:  # taken from the house meanwhile
        _finish(command, CommandState.FAILED, LockReason.NOT_FOUND, clock())
        return
    within = (command.expires_at - asked).total_seconds()
    try:
        vendor = command.lock.account.connect()
        vendor.open(command.lock.vendor_id, within=within)
    except LockFailed as failed:
        state = CommandState.FAILED if failed.is_sure else CommandState.TIMED_OUT
        _finish(command, state, failed.reason, clock())
    else:
        _finish(command, CommandState.ACKNOWLEDGED, "", clock())


@transaction.atomic
def _finish(
    command: LockCommand, state: CommandState, reason: str, now: datetime
) -> bool:
    """Note how it ended; a late answer corrects a command that was given up."""
    opened = {"acknowledged_at": now} if state == CommandState.ACKNOWLEDGED else {}
    rows = LockCommand.objects.filter(
        pk=command.pk, state__in=(CommandState.SENT, CommandState.TIMED_OUT)
    )
    if not rows.update(state=state, reason=reason, finished_at=now, **opened):
        return False
    command.state = state
    enqueue(LOG_OPENING, command_id=str(command.pk))
    _announce(command)
    return True


def expire_openings(*, now: datetime) -> int:
    """Give up what nobody sent in time and what no vendor answered; returns how many.

    What was sent and not answered stays so: the lock may have opened.
    """
    overdue = LockCommand.objects.filter(
        Q(state=CommandState.REQUESTED, expires_at__lte=now)
        | Q(state=CommandState.SENT, expires_at__lte=now - ANSWER_GRACE)
    )
    return sum(_give_up_if_overdue(command, now) for command in overdue[:500])


@transaction.atomic
def _give_up_if_overdue(command: LockCommand, now: datetime) -> bool:
    was_sent = command.state == CommandState.SENT
    limit = command.expires_at + (ANSWER_GRACE if was_sent else timedelta(0))
    if command.is_finished or limit > now:
        return False
    reason = LockReason.UNKNOWN_OUTCOME if was_sent else LockReason.TOO_LATE
    rows = LockCommand.objects.filter(pk=command.pk, state=command.state)
    if rows.update(state=CommandState.TIMED_OUT, reason=reason, finished_at=now):
        command.state = CommandState.TIMED_OUT
        enqueue(LOG_OPENING, command_id=str(command.pk))
        _announce(command)
    return True


def forget_openings(*, site: Site) -> None:
    """Delete the openings of a house that are over, with who ordered them."""
    LockCommand.objects.filter(site=site).exclude(state__in=OPEN_STATES).delete()


def _announce(command: LockCommand) -> None:
    publish_on_commit(
        "command.changed",
        command=str(command.pk),
        state=str(command.state),
        lock=command.lock_id,
        site=str(command.site_id),
    )
