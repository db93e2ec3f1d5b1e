"""Orders to devices: requested, sent, answered, confirmed. One tap never opens twice.

Every change of state is a conditional update: of two that race, one wins and the other
sees what became of it. What the device really did wins over what we had assumed, so a
late answer still corrects a command that was given up.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from portico.accounts.models import User
from portico.devices.enums import (
    OPEN_STATES,
    RESETS,
    CommandChannel,
    CommandKind,
    CommandState,
    DenialReason,
)
from portico.devices.errors import IdempotencyMismatch
from portico.devices.models import AccessWipe, Bridge, Camera, Command, Device, Relay
from portico.devices.selectors import bridge_of, command_to_send, commands_for
from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import enqueue
from portico.sites.models import Site

LOG_COMMAND = "events.log_command"
SYNC_FAILED = "access.order_failed"
# The job that sends a unit anew what a reset has made it forget.
WAS_RESET = "provisioning.was_reset"

# Nobody wants a door to open later than this after the tap.
TIME_TO_LIVE = timedelta(seconds=5)
# A bridge gives a device six seconds to answer; the answer needs its way back.
ANSWER_GRACE = timedelta(seconds=8)
# 1024 addresses, 32 at once, two seconds each at the most.
SCAN_GRACE = timedelta(seconds=75)
# Legacy clients send no idempotency key and repeat a request whose answer was lost. Within
# this time, shorter than a relay is held, the same person's tap means the same opening.
SAME_TAP = timedelta(seconds=3)
# A relay event belongs to a command if it was heard this soon after it: the time to live,
# the device's six seconds, and slack. An outage in between does not count: an event is
# dated when the bridge heard it.
CONFIRM_WITHIN = timedelta(seconds=13)
# A restart takes a minute or two, and a reset unit has to find its way back.
RESTART_WITHIN = timedelta(minutes=15)
# A unit reports one opening twice at the most this far apart.
SAME_EVENT = timedelta(seconds=2)
# Clocks of bridge and server differ by at most half a round trip.
CLOCK_SLACK = timedelta(seconds=2)
# Whoever watches the log sees an opening this late at the latest if no event proves it.
LOG_ALONE_AFTER = timedelta(seconds=1)
# A bridge that vanished this recently is probably reconnecting, so the tap may wait.
BRIDGE_RETURN = timedelta(seconds=20)

_OPENED = (CommandState.ACKNOWLEDGED, CommandState.CONFIRMED)
# Failures after which the door may have opened all the same.
_MAYBE_OPENED = (DenialReason.NO_ANSWER, DenialReason.UNKNOWN_OUTCOME)


def request_open(
    *,
    actor: User,
    relay: Relay,
    channel: CommandChannel,
    idempotency_key: str = "",
    refusal: DenialReason | None = None,
    now: datetime,
) -> Command:
    """Order one opening of ``relay`` and return the command, maybe an earlier one.

    The same key, or a tap while an opening of that relay is under way, gives the command
    that exists. ``refusal`` is a rule of the caller's that forbids it; like a missing
    bridge it makes a command in state ``denied``, so that refusals are on record.

    :raises IdempotencyMismatch: the key was used for another relay.
    """

    def new() -> Command:
        why_not = refusal or no_way(relay.device, now)
        return Command(
            device=relay.device,
            relay=relay,
            kind=CommandKind.OPEN_RELAY,
            state=CommandState.DENIED if why_not else CommandState.REQUESTED,
            reason=why_not or "",
            requested_by=actor,
            requested_by_name=str(actor.name or actor)[:127],
            channel=channel,
            idempotency_key=idempotency_key,
            requested_at=now,
            expires_at=now + TIME_TO_LIVE,
            finished_at=now if why_not else None,
        )

    return order_once(
        find=lambda: _earlier(actor, relay, idempotency_key, now),
        new=new,
        create=_create,
        now=now,
    )


def order_once(
    *,
    find: Callable[[], Command | None],
    new: Callable[[], Command],
    create: Callable[[Command], None],
    now: datetime,
) -> Command:
    """The command that ``find`` knows of, else a new one; of two at once one is made.

    A constraint is the arbiter between them. What ``find`` knows of and is overdue is
    given up first.
    """
    earlier = find()
    if earlier is not None and _is_overdue(earlier, now):
        _give_up(earlier, now)
        earlier = find()
    if earlier is not None:
        return earlier
    command = new()
    try:
        create(command)
    except IntegrityError:
        winner = find()
        if winner is not None:
            return winner
        create(command)  # that one is answered already: this is one of its own
    return command


@transaction.atomic
def _create(command: Command) -> None:
    command.save(force_insert=True)
    if command.state == CommandState.DENIED:
        announce(command, "command.changed")
        enqueue(LOG_COMMAND, command_id=str(command.pk))
    else:
        announce(command, "command.requested")


def _earlier(
    actor: User, relay: Relay, idempotency_key: str, now: datetime
) -> Command | None:
    same_tap = Q(relay=relay, state__in=OPEN_STATES)
    if idempotency_key:
        same_tap |= Q(requested_by=actor, idempotency_key=idempotency_key)
    else:
        same_tap |= Q(
            relay=relay,
            requested_by=actor,
            requested_at__gt=now - SAME_TAP,
            state__in=_OPENED,
        )
    found = list(Command.objects.filter(same_tap))
    mine = (idempotency_key, actor.pk)
    for command in found if idempotency_key else ():
        if (command.idempotency_key, command.requested_by_id) == mine:
            if command.relay_id != relay.pk:
                raise IdempotencyMismatch
            return command
    return max(found, key=lambda command: command.requested_at, default=None)


def no_way(target: Device | Camera | Bridge, now: datetime) -> DenialReason | None:
    bridge = bridge_of(target.site)
    if bridge is None or bridge.enrolled_at is None:
        return DenialReason.NO_BRIDGE
    seen = bridge.last_seen_at
    if not bridge.is_online and (seen is None or seen < now - BRIDGE_RETURN):
        return DenialReason.BRIDGE_OFFLINE
    return None


def mark_sent(*, command_id: uuid.UUID, now: datetime) -> Command | None:
    """Claim a command for sending; None: another gateway has it, or it is too late.

    It comes with what :func:`command_to_send` loads.
    """
    claimed = Command.objects.filter(
        pk=command_id, state=CommandState.REQUESTED, expires_at__gt=now
    ).update(state=CommandState.SENT, sent_at=now)
    command = command_to_send(command_id) if claimed else None
    if command is not None:  # else its device was removed just now
        announce(command)
    return command


@transaction.atomic
def record_result(
    *,
    bridge_id: uuid.UUID,
    command_id: uuid.UUID,
    state: CommandState,
    reason: str,
    at: datetime,
    now: datetime,
) -> bool:
    """Note what the device answered; False: not a command for this live bridge.

    Safe to repeat. ``at`` is when the bridge heard it, in server time.
    """
    rows = commands_for(bridge_id).select_related("device", "camera", "bridge")
    rows = rows.only(
        "kind", "requested_at", "device__site", "camera__site", "bridge__site"
    )
    command = next(iter(rows.filter(pk=command_id)), None)
    if command is None:
        return False
    # By plain columns: through a join PostgreSQL does not look again at a row that
    # another transaction has just changed.
    commands = Command.objects.filter(pk=command_id)
    changes: dict[str, object] = {"state": state, "finished_at": now}
    moment = _between(command.requested_at, at, now)
    if state == CommandState.ACKNOWLEDGED:
        changes |= {"reason": "", "acknowledged_at": moment}
    else:
        known = reason if reason in DenialReason.values else DenialReason.REJECTED
        changes |= {"reason": known}
    if _move(commands, {CommandState.SENT, CommandState.TIMED_OUT}, changes):
        command.state = state
        _finished(command, now)
    elif state == CommandState.ACKNOWLEDGED:
        # The relay's own event was quicker, but the answer has its time as well.
        commands.filter(acknowledged_at=None).update(acknowledged_at=moment)
    return True


@transaction.atomic
def confirm_by_relay_event(
    *, device: Device, relay_number: int, at: datetime, now: datetime
) -> Command | None:
    """Confirm the newest command that this relay's opening can be the effect of.

    Also one that was given up or had failed without an answer: the door did open. Not
    one that had failed before anything was sent to the unit, and not one that an
    earlier event has already confirmed: then somebody else has opened.
    Returns the command that the event proves, or None for an opening of another cause.
    Its line in the log is the caller's business.
    """
    commands = (
        Command.objects.select_related("device")
        .filter(
            device=device,
            relay__number=relay_number,
            relay__kind="local",
            requested_at__gte=at - CONFIRM_WITHIN,
            requested_at__lte=at + CLOCK_SLACK,
        )
        .filter(
            Q(state__in=(CommandState.SENT, CommandState.TIMED_OUT))
            | Q(state__in=_OPENED)
            | Q(state=CommandState.FAILED, reason__in=_MAYBE_OPENED)
        )
        .order_by("-requested_at")
    )
    command = commands.first()
    if command is None:
        return None
    if command.confirmed_at is not None:
        is_same = abs(at - command.confirmed_at) <= SAME_EVENT
        return command if is_same else None
    moment = _between(command.requested_at, at, now)
    moved = _move(
        Command.objects.filter(pk=command.pk),
        {
            CommandState.SENT,
            CommandState.ACKNOWLEDGED,
            CommandState.TIMED_OUT,
            CommandState.FAILED,
        },
        {
            "state": CommandState.CONFIRMED,
            "reason": "",
            "confirmed_at": moment,
            "finished_at": now,
        },
    )
    if moved:
        command.state, command.confirmed_at = CommandState.CONFIRMED, moment
        announce(command)
    return command


@transaction.atomic
def confirm_restart(
    *, device: Device, kinds: Collection[CommandKind], at: datetime, now: datetime
) -> None:
    """The unit is there again: confirm what made it go away, if somebody ordered that.

    Also an order that was given up: a unit that restarts may not answer any more.
    """
    recent = Command.objects.filter(
        device=device, kind__in=kinds, requested_at__gte=at - RESTART_WITHIN
    )
    ordered = recent.filter(requested_at__lte=at + CLOCK_SLACK).exclude(sent_at=None)
    command = ordered.order_by("-requested_at").first()
    if command is None or command.confirmed_at is not None:
        return
    changes: dict[str, object] = {
        "state": CommandState.CONFIRMED,
        "reason": "",
        "confirmed_at": _between(command.requested_at, at, now),
        "finished_at": now,
    }
    states = {CommandState.SENT, CommandState.ACKNOWLEDGED, CommandState.TIMED_OUT}
    if _move(Command.objects.filter(pk=command.pk), states, changes):
        command.state = CommandState.CONFIRMED
        announce(command)


def expire_commands(*, now: datetime) -> int:
    """Give up what nobody sent in time and what nobody answered; returns how many."""
    return sum(_give_up(command, now) for command in _overdue(now)[:500])


def forget_commands(*, site: Site) -> None:
    """Delete what was ordered in a house and is answered, with who ordered it."""
    over = Command.objects.exclude(state__in=OPEN_STATES)
    over.filter(device__site=site).delete()
    over.filter(camera__site=site).delete()
    over.filter(bridge__site=site).delete()


def _is_overdue(command: Command, now: datetime) -> bool:
    """The same as :func:`_overdue` says of rows."""
    if command.state == CommandState.REQUESTED:
        return command.expires_at <= now
    is_scan = command.kind == CommandKind.SCAN_NETWORK
    grace = SCAN_GRACE if is_scan else ANSWER_GRACE
    return command.state == CommandState.SENT and command.expires_at <= now - grace


def _overdue(now: datetime) -> QuerySet[Command]:
    scan = Q(kind=CommandKind.SCAN_NETWORK)
    return Command.objects.select_related("device", "camera", "bridge").filter(
        Q(state=CommandState.REQUESTED, expires_at__lte=now)
        | Q(~scan, state=CommandState.SENT, expires_at__lte=now - ANSWER_GRACE)
        | Q(scan, state=CommandState.SENT, expires_at__lte=now - SCAN_GRACE)
    )


@transaction.atomic
def _give_up(command: Command, now: datetime) -> bool:
    was_sent = command.state == CommandState.SENT
    reason = DenialReason.NO_ANSWER if was_sent else DenialReason.BRIDGE_OFFLINE
    moved = _move(
        Command.objects.filter(pk=command.pk),
        {CommandState(command.state)},
        {"state": CommandState.TIMED_OUT, "reason": reason, "finished_at": now},
    )
    if moved:
        command.state = CommandState.TIMED_OUT
        _finished(command, now)
    return moved


def _between(earliest: datetime, moment: datetime, latest: datetime) -> datetime:
    return max(earliest, min(moment, latest))


def _move(
    commands: QuerySet[Command],
    from_states: set[CommandState],
    changes: dict[str, object],
) -> bool:
    return bool(commands.filter(state__in=from_states).update(**changes))


def _finished(command: Command, now: datetime) -> None:
    if command.kind == CommandKind.OPEN_RELAY:  # the door log is of doors
        # What its relay's event proves in a moment is logged with that event.
        is_soon_proved = command.state == CommandState.ACKNOWLEDGED
        run_at = now + LOG_ALONE_AFTER if is_soon_proved else None
        enqueue(LOG_COMMAND, run_at=run_at, command_id=str(command.pk))
    if command.kind == CommandKind.CLEAR_ACCESS:
        _note_wipe(command, now)
    if (
        command.kind == CommandKind.SYNC_ACCESS
        and command.state != CommandState.ACKNOWLEDGED
    ):
        enqueue(SYNC_FAILED, command_id=str(command.pk))
    if command.kind in RESETS and command.state == CommandState.ACKNOWLEDGED:
        enqueue(WAS_RESET, device_id=command.device_id)
    announce(command)


def _note_wipe(command: Command, now: datetime) -> None:
    """What became of an order to clear a unit, if it was not ordered anew meanwhile."""
    rows = AccessWipe.objects.filter(
        device=command.device_id, done_at=None, ordered_at__lte=command.requested_at
    )
    if command.state == CommandState.ACKNOWLEDGED:
        rows.update(done_at=now, reason="")
    else:
        told = Command.objects.filter(pk=command.pk).values_list("reason", flat=True)
        rows.update(reason=told.first() or DenialReason.NO_ANSWER)


def announce(command: Command, subject: str = "command.changed") -> None:
    """Hint, once the transaction is durable, that ``command`` has changed."""
    publish_on_commit(
        subject,
        command=str(command.pk),
        state=str(command.state),
        device=command.device_id,
        site=str(command.target.site_id),
    )
