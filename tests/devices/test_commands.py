from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError

from portico.devices.enums import CommandChannel, CommandState, DenialReason
from portico.devices.errors import IdempotencyMismatch
from portico.devices.models import Command, Device, Relay
from portico.devices.services import commands
from tests.factories import (
    make_bridge,
    make_device,
    make_installer,
    make_relay_data,
    make_site,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
PORTAL = CommandChannel.PORTAL
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


class House:
    """A house with a bridge and one door phone with two relays."""

    def __init__(self) -> None:
        self.installer = make_installer()
        self.site = make_site(self.installer)
        relays = [make_relay_data(1), make_relay_data(2)]
        self.device: Device = make_device(self.site, self.installer, relays=relays)
        self.bridge = make_bridge(self.site, self.installer)
        self.door: Relay = self.device.relays.get(number=1)

    def tap(
        self, *, key: str = "", after: float = 0, relay: Relay | None = None
    ) -> Command:
        return commands.request_open(
            actor=self.installer,
            relay=relay or self.door,
            channel=PORTAL,
            idempotency_key=key,
            now=NOON + seconds(after),
        )

    def answer(
        self, command: Command, state: CommandState, reason: str = "", *, after: float
    ) -> bool:
        moment = NOON + seconds(after)
        return commands.record_result(
            bridge_id=self.bridge.pk,
            command_id=command.pk,
            state=state,
            reason=reason,
            at=moment,
            now=moment,
        )

    def event(self, *, after: float, relay: int = 1) -> Command | None:
        moment = NOON + seconds(after)
        return commands.confirm_by_relay_event(
            device=self.device, relay_number=relay, at=moment, now=moment
        )


@pytest.fixture
def house() -> House:
    return House()


def state_of(command: Command) -> tuple[str, str]:
    command.refresh_from_db()
    return command.state, command.reason


def sent(house: House, **tap: object) -> Command:
    command = house.tap(**tap)  # type: ignore[arg-type]  # passed on as given
    assert commands.mark_sent(command_id=command.pk, now=command.requested_at)
    return command


def test_open_goes_from_request_to_confirmation_with_every_time(house: House) -> None:
    command = sent(house)
    house.answer(command, CommandState.ACKNOWLEDGED, after=0.2)
    house.event(after=0.3)

    command.refresh_from_db()
    assert command.state == CommandState.CONFIRMED
    assert command.sent_at == NOON
    assert command.acknowledged_at == NOON + seconds(0.2)
    assert command.confirmed_at == NOON + seconds(0.3)
    assert command.latency_ms == 300


def test_two_taps_with_one_key_are_one_command(house: House) -> None:
    first = house.tap(key="a")
    second = house.tap(key="a", after=60)

    assert first.pk == second.pk
    assert Command.objects.count() == 1


def test_tap_while_an_opening_is_under_way_joins_it(house: House) -> None:
    first = house.tap(key="a")
    second = house.tap(key="b", after=1)

    assert first.pk == second.pk


def test_keyless_repetition_soon_after_the_opening_is_the_same_tap(
    house: House,
) -> None:
    first = sent(house)
    house.answer(first, CommandState.ACKNOWLEDGED, after=0.2)

    assert house.tap(after=2.9).pk == first.pk
    assert house.tap(after=3.1).pk != first.pk


def test_key_of_another_relay_is_refused_and_opens_nothing(house: House) -> None:
    house.tap(key="a")

    with pytest.raises(IdempotencyMismatch):
        house.tap(key="a", relay=house.device.relays.get(number=2))
    assert Command.objects.count() == 1


def test_other_relay_of_the_same_device_opens_beside(house: House) -> None:
    first = house.tap()
    second = house.tap(relay=house.device.relays.get(number=2))

    assert first.pk != second.pk


def test_only_one_gateway_wins_the_claim(house: House) -> None:
    command = house.tap()

    claims = [commands.mark_sent(command_id=command.pk, now=NOON) for _ in range(3)]
    assert [claim is not None for claim in claims] == [True, False, False]


def test_expired_command_is_not_sent(house: House) -> None:
    command = house.tap()

    assert not commands.mark_sent(command_id=command.pk, now=command.expires_at)
    commands.expire_commands(now=command.expires_at)
    assert state_of(command) == (CommandState.TIMED_OUT, DenialReason.BRIDGE_OFFLINE)


def test_lost_answer_times_out_and_a_late_one_tells_the_truth(house: House) -> None:
    command = sent(house)
    commands.expire_commands(now=NOON + seconds(12))
    assert state_of(command)[0] == CommandState.SENT
    commands.expire_commands(now=NOON + seconds(13))
    assert state_of(command) == (CommandState.TIMED_OUT, DenialReason.NO_ANSWER)

    house.answer(command, CommandState.ACKNOWLEDGED, after=40)
    assert state_of(command) == (CommandState.ACKNOWLEDGED, "")


def test_relay_event_corrects_a_failure_without_outcome(house: House) -> None:
    command = sent(house)
    house.answer(command, CommandState.FAILED, "unknown_outcome", after=9)
    assert state_of(command) == (CommandState.FAILED, DenialReason.UNKNOWN_OUTCOME)

    house.event(after=0.4)
    assert state_of(command) == (CommandState.CONFIRMED, "")


def test_refusal_by_the_device_is_final_and_repeatable(house: House) -> None:
    command = sent(house)
    for _ in range(2):
        assert house.answer(command, CommandState.DENIED, "rejected", after=0.2)
    house.answer(command, CommandState.ACKNOWLEDGED, after=0.3)

    assert state_of(command) == (CommandState.DENIED, DenialReason.REJECTED)


def test_event_of_another_relay_or_much_later_confirms_nothing(house: House) -> None:
    command = sent(house)

    assert house.event(after=1, relay=2) is None
    assert house.event(after=14) is None
    assert state_of(command)[0] == CommandState.SENT


def test_event_before_the_acknowledgement_confirms_and_stays(house: House) -> None:
    command = sent(house)
    house.event(after=0.1)
    house.answer(command, CommandState.ACKNOWLEDGED, after=0.2)

    command.refresh_from_db()
    assert command.state == CommandState.CONFIRMED
    assert command.acknowledged_at == NOON + seconds(0.2)


def test_result_from_a_foreign_bridge_changes_nothing(house: House) -> None:
    command = sent(house)
    other = House()

    known = commands.record_result(
        bridge_id=other.bridge.pk,
        command_id=command.pk,
        state=CommandState.ACKNOWLEDGED,
        reason="",
        at=NOON,
        now=NOON,
    )
    assert not known
    assert state_of(command)[0] == CommandState.SENT


def test_house_without_a_bridge_is_denied_on_record() -> None:
    installer = make_installer()
    device = make_device(make_site(installer), installer)

    command = commands.request_open(
        actor=installer, relay=device.relays.get(number=1), channel=PORTAL, now=NOON
    )
    assert (command.state, command.reason) == (
        CommandState.DENIED,
        DenialReason.NO_BRIDGE,
    )


def test_bridge_that_just_vanished_is_waited_for_and_a_dead_one_is_not(
    house: House,
) -> None:
    type(house.bridge).objects.update(is_online=False, last_seen_at=NOON)

    assert house.tap(after=19).state == CommandState.REQUESTED
    late = house.tap(after=21, relay=house.device.relays.get(number=2))
    assert (late.state, late.reason) == (
        CommandState.DENIED,
        DenialReason.BRIDGE_OFFLINE,
    )


def test_failure_before_anything_was_sent_is_not_confirmed_by_somebody_elses_opening(
    house: House,
) -> None:
    command = sent(house)
    house.answer(command, CommandState.FAILED, "unreachable", after=1)

    assert house.event(after=5) is None
    assert state_of(command) == (CommandState.FAILED, DenialReason.UNREACHABLE)


def test_tap_is_not_swallowed_by_an_overdue_command_that_nobody_gave_up(
    house: House,
) -> None:
    stale = sent(house, key="a")
    fresh = house.tap(key="b", after=120)

    assert fresh.pk != stale.pk
    assert fresh.state == CommandState.REQUESTED
    assert state_of(stale)[0] == CommandState.TIMED_OUT


def test_loser_of_two_taps_gets_an_opening_of_its_own_when_the_other_is_answered(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sent(house, key="a")
    monkeypatch.setattr(commands, "_earlier", lambda *given: None)
    create = commands._create
    tries: list[Command] = []

    def contended(command: Command) -> None:
        tries.append(command)
        if len(tries) == 1:
            raise IntegrityError
        create(command)

    house.answer(first, CommandState.ACKNOWLEDGED, after=0.1)
    monkeypatch.setattr(commands, "_create", contended)
    second = house.tap(key="b", after=0.2)

    assert second.pk != first.pk
    assert len(tries) == 2
