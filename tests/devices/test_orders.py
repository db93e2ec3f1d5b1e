"""Orders to a unit as a whole: the life of an opening, and no line in the door log."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError

from portico.audit.models import AuditEntry
from portico.devices.enums import (
    CommandChannel,
    CommandKind,
    CommandState,
    DenialReason,
)
from portico.devices.errors import IdempotencyMismatch
from portico.devices.models import Command, Device
from portico.devices.services import commands
from portico.devices.services.bridges import end_session
from portico.devices.services.orders import TIME_TO_LIVE, request_order
from portico.events.models import LogEntry
from portico.jobs.models import Job
from portico.kernel.clock import utcnow
from tests.factories import (
    make_bridge,
    make_device,
    make_installer,
    make_site,
    run_jobs,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
NOON = utcnow()
FETCH, PICTURE = CommandKind.FETCH_CONFIGURATION, CommandKind.TAKE_PICTURE


class House:
    def __init__(self) -> None:
        self.installer = make_installer()
        self.site = make_site(self.installer)
        self.device: Device = make_device(self.site, self.installer)
        self.bridge = make_bridge(self.site, self.installer)
        run_jobs()

    def order(
        self,
        *,
        key: str = "",
        after: float = 0,
        kind: CommandKind = FETCH,
        device: Device | None = None,
        by_system: bool = False,
    ) -> Command:
        return request_order(
            actor=None if by_system else self.installer,
            device=device or self.device,
            kind=kind,
            channel=CommandChannel.SYSTEM if by_system else CommandChannel.PORTAL,
            idempotency_key=key,
            now=NOON + timedelta(seconds=after),
        )

    def answer(self, command: Command, state: CommandState, reason: str = "") -> None:
        assert commands.mark_sent(command_id=command.pk, now=NOON)
        moment = NOON + timedelta(seconds=1)
        assert commands.record_result(
            bridge_id=self.bridge.pk,
            command_id=command.pk,
            state=state,
            reason=reason,
            at=moment,
            now=moment,
        )
        command.refresh_from_db()


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (CommandState.ACKNOWLEDGED, ""),
        (CommandState.DENIED, "unauthorized"),
        (CommandState.FAILED, "gave_way"),
    ],
)
def test_order_goes_from_request_to_answer(
    house: House, state: CommandState, reason: str
) -> None:
    command = house.order()
    assert (command.state, command.relay) == (CommandState.REQUESTED, None)
    house.answer(command, state, reason)

    assert (command.state, command.reason) == (state, reason)
    assert command.is_finished


def test_door_log_knows_nothing_of_it(house: House) -> None:
    acknowledged, denied = house.order(), house.order(kind=PICTURE, by_system=True)
    house.answer(acknowledged, CommandState.ACKNOWLEDGED)
    house.answer(denied, CommandState.DENIED, "rejected")
    commands.expire_commands(now=NOON + timedelta(hours=1))

    assert not Job.objects.filter(name=commands.LOG_COMMAND).exists()
    run_jobs()
    assert not LogEntry.objects.exists()


def test_one_of_a_kind_at_a_time(house: House) -> None:
    first = house.order(key="a")

    assert house.order(key="b").pk == first.pk
    assert house.order(by_system=True).pk == first.pk
    assert house.order(kind=PICTURE).pk != first.pk
    house.answer(first, CommandState.ACKNOWLEDGED)
    assert house.order(key="c").pk != first.pk
    assert house.order(key="a").pk == first.pk


def test_constraint_is_the_arbiter(house: House) -> None:
    rival = house.order()
    rival.pk = uuid.uuid4()
    with pytest.raises(IntegrityError):
        rival.save(force_insert=True)


def test_order_that_nobody_took_makes_room(house: House) -> None:
    first = house.order()
    second = house.order(after=TIME_TO_LIVE.total_seconds())

    first.refresh_from_db()
    assert (first.state, first.reason) == (
        CommandState.TIMED_OUT,
        DenialReason.BRIDGE_OFFLINE,
    )
    assert second.state == CommandState.REQUESTED


def test_without_a_bridge_it_is_refused_with_the_reason(house: House) -> None:
    lonely = make_device(make_site(house.installer), house.installer)
    command = house.order(device=lonely)

    assert command.state == CommandState.DENIED
    assert command.reason == DenialReason.BRIDGE_NEEDED


def test_bridge_that_is_long_away_refuses(house: House) -> None:
    house.bridge.refresh_from_db()
    end_session(bridge=house.bridge, session=house.bridge.session, now=NOON)
    command = house.order(after=60)

    assert command.reason == DenialReason.BRIDGE_OFFLINE


def test_key_of_another_order_is_refused(house: House) -> None:
    house.order(key="a")
    with pytest.raises(IdempotencyMismatch):
        house.order(key="a", kind=PICTURE)
    with pytest.raises(IdempotencyMismatch):
        house.order(key="a", device=make_device(house.site, house.installer))
    assert Command.objects.count() == 1


def test_persons_order_is_on_record_and_portico_s_own_is_not(house: House) -> None:
    house.order()
    house.order(kind=PICTURE, by_system=True)
    actions = AuditEntry.objects.filter(action__startswith="device.").values_list(
        "action", flat=True
    )

    assert list(actions.exclude(action="device.registered")) == [
        "device.fetch_configuration"
    ]


def test_opening_is_no_order(house: House) -> None:
    with pytest.raises(ValueError, match="open_relay"):
        house.order(kind=CommandKind.OPEN_RELAY)
