from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from portico.devices.enums import (
    AccessMethod,
    CommandChannel,
    CommandState,
    DenialReason,
    RelayKind,
)
from portico.devices.models import Bridge, Command
from portico.devices.rules import RelayData
from portico.kernel.clock import utcnow
from portico.sites.models import Entitlement
from tests.appapi.support import App, FakeBridge, House, is_legacy_failure
from tests.factories import make_device, make_seen
from tests.factories.locks import make_lock, make_lock_account

pytestmark = [pytest.mark.integration]
in_transaction = pytest.mark.django_db
with_commits = pytest.mark.django_db(transaction=True)

SUCCESS = {"result": 0, "err_code": "0", "message": "success"}


def failure(text: object) -> dict[str, object]:
    return {"result": 1, "err_code": "1", "message": str(text)}


NOT_FOUND = failure("not_found")


# userconf


@in_transaction
def test_userconf_lists_the_doors_with_the_types_that_clients_need(
    house: House,
) -> None:
    make_seen(house.door)
    reply = house.app().get("/userconf")

    assert (reply["result"], reply["err_code"]) == (0, "0")
    assert set(reply["datas"]) == {
        "app_conf",
        "dev_list",
        "third_party_dev_list",
        "unread_msg",
    }
    assert reply["datas"]["app_conf"]["project_name"] == "Lindenweg 5"
    assert reply["datas"]["app_conf"]["account_expire"] == 0
    assert reply["datas"]["unread_msg"] == {"messages_num": 0, "activities_num": 0}
    [device] = reply["datas"]["dev_list"]
    assert device["location"] == "Front door"
    assert device["mac"] == house.door.mac
    assert len(device["mac"]) == 12
    assert device["status"] == 1
    assert "rtsp_pwd" not in device  # its presence makes a camera in every client
    shown = [(relay["relay_id"], relay["door_name"]) for relay in device["relay"]]
    assert shown == [("0", "Front"), ("1", "Gate")]


@in_transaction
def test_userconf_answers_a_post_too(house: House) -> None:
    assert house.app().post("/userconf") == house.app().get("/userconf")


@in_transaction
def test_userconf_leaves_out_what_has_no_door_for_the_app(house: House) -> None:
    hidden = RelayData(
        number=1, name="Cellar", dtmf_code="1", access_methods=[AccessMethod.PIN]
    )
    make_device(house.site, house.installer, name="Cellar", relays=[hidden])
    make_device(house.site, house.installer, name="Monitor", model="C313")

    devices = house.app().get("/userconf")["datas"]["dev_list"]

    assert [device["location"] for device in devices] == ["Front door"]


@in_transaction
def test_userconf_shows_no_other_house(house: House) -> None:
    other = House(email="bob@example.org", phone="7400123457")

    text = str(other.app().get("/userconf"))

    assert house.door.mac not in text
    assert other.door.mac in text


@in_transaction
@pytest.mark.parametrize("more", [0, 2])
def test_userconf_takes_the_same_queries_for_any_number_of_devices(
    house: House, more: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    account = make_lock_account(house.installer)
    for number in range(more):
        make_device(house.site, house.installer, name=f"Door {number}")
        make_lock(account, house.site)
    app = house.app()

    with django_assert_num_queries(7):
        assert len(app.get("/userconf")["datas"]["dev_list"]) == 1 + more


@in_transaction
def test_userconf_tells_that_the_service_has_ended(house: House) -> None:
    Entitlement.objects.update(
        starts_at=utcnow() - timedelta(days=2), ends_at=utcnow() - timedelta(days=1)
    )

    conf = house.app().get("/userconf")["datas"]["app_conf"]

    assert conf["account_expire"] == 1


# opendoor


@with_commits
@pytest.mark.parametrize("state", [CommandState.ACKNOWLEDGED, CommandState.CONFIRMED])
def test_a_door_that_opens_is_a_success(
    house: House, fake_bridge: FakeBridge, state: CommandState
) -> None:
    if state == CommandState.ACKNOWLEDGED:
        fake_bridge.answers(state)
    reply = house.app().post("/opendoor", mac=house.door.mac, relay="1")

    assert reply == SUCCESS
    command = Command.objects.get()
    assert (command.state, command.channel) == (
        CommandState.ACKNOWLEDGED,
        CommandChannel.APP,
    )
    assert command.relay is not None
    assert (command.relay.number, command.requested_by_id) == (2, house.user.pk)


@with_commits
@pytest.mark.parametrize("form", ["lower", "colons", "dashes"])
def test_a_mac_may_be_written_in_any_way(
    house: House, fake_bridge: FakeBridge, form: str
) -> None:
    mac = house.door.mac
    pairs = [mac[at : at + 2] for at in range(0, 12, 2)]
    written = {
        "lower": mac.lower(),
        "colons": ":".join(pairs),
        "dashes": "-".join(pairs),
    }

    reply = house.app().post("/opendoor", mac=written[form], relay="0")

    assert reply == SUCCESS
    assert len(fake_bridge.taken) == 1


@with_commits
@pytest.mark.parametrize(
    "reason", [DenialReason.REJECTED, DenialReason.UNREACHABLE, DenialReason.NO_ANSWER]
)
def test_a_door_that_does_not_open_is_a_failure_with_the_reason(
    house: House, fake_bridge: FakeBridge, reason: DenialReason
) -> None:
    fake_bridge.answers(CommandState.FAILED, reason)
    reply = house.app().post("/opendoor", mac=house.door.mac, relay="0")

    assert reply == failure(reason.label)
    assert is_legacy_failure(reply)
    assert Command.objects.get().state == CommandState.FAILED


@with_commits
@pytest.mark.usefixtures("_no_patience")
def test_a_door_that_does_not_answer_is_a_failure(
    house: House, fake_bridge: FakeBridge
) -> None:
    fake_bridge.answers(None)
    reply = house.app().post("/opendoor", mac=house.door.mac, relay="0")

    assert reply == failure("The door was asked to open and has not answered yet.")
    assert Command.objects.get().state == CommandState.SENT


@with_commits
def test_two_taps_are_one_command(house: House, fake_bridge: FakeBridge) -> None:
    app = house.app()
    first = app.post("/opendoor", mac=house.door.mac, relay="0")
    second = app.post("/opendoor", mac=house.door.mac, relay="0")

    assert first == second == SUCCESS
    assert len(fake_bridge.taken) == Command.objects.count() == 1


@with_commits
def test_two_relays_are_two_commands(house: House, fake_bridge: FakeBridge) -> None:
    app = house.app()
    app.post("/opendoor", mac=house.door.mac, relay="0")
    app.post("/opendoor", mac=house.door.mac, relay="1")

    assert len(fake_bridge.taken) == 2


@with_commits
def test_a_trace_id_makes_a_repeated_request_the_same_tap(
    house: House, fake_bridge: FakeBridge
) -> None:
    app = house.app()
    form = {"mac": house.door.mac, "relay": "0", "site": "1", "trace_id": "a-b-c"}
    assert app.post("/opendoor", **form) == SUCCESS
    # Long after, when a tap without a trace id would be a new one.
    Command.objects.update(requested_at=utcnow() - timedelta(minutes=5))

    assert app.post("/opendoor", **form) == SUCCESS
    assert len(fake_bridge.taken) == 1
    assert app.post("/opendoor", **form | {"trace_id": "d"}) == SUCCESS
    assert len(fake_bridge.taken) == 2


@with_commits
def test_a_trace_id_means_one_relay(house: House, fake_bridge: FakeBridge) -> None:
    app = house.app()
    form = {"mac": house.door.mac, "trace_id": "same"}
    assert app.post("/opendoor", **form, relay="0") == SUCCESS

    assert is_legacy_failure(app.post("/opendoor", **form, relay="1"))
    assert len(fake_bridge.taken) == 1


@with_commits
def test_a_trace_id_is_its_senders_own(house: House, fake_bridge: FakeBridge) -> None:
    other = House(email="bob@example.org", phone="7400123457")
    form = {"relay": "0", "trace_id": "same"}
    assert house.app().post("/opendoor", **form, mac=house.door.mac) == SUCCESS
    Bridge.objects.filter(pk=other.bridge.pk).update(is_online=False, last_seen_at=None)

    reply = other.app().post("/opendoor", **form, mac=other.door.mac)

    assert reply == failure(DenialReason.BRIDGE_OFFLINE.label)
    assert len(fake_bridge.taken) == 1


@in_transaction
def test_a_foreign_door_is_refused_and_nothing_is_ordered(house: House) -> None:
    other = House(email="bob@example.org", phone="7400123457")

    assert house.app().post("/opendoor", mac=other.door.mac, relay="0") == NOT_FOUND
    assert not Command.objects.exists()


@in_transaction
@pytest.mark.parametrize(
    "form",
    [
        {},
        {"relay": "0"},
        {"mac": "MAC"},
        {"mac": "MAC", "relay": ""},
        {"mac": "MAC", "relay": "2"},
        {"mac": "MAC", "relay": "-1"},
        {"mac": "MAC", "relay": "99"},
        {"mac": "MAC", "relay": "100"},
        {"mac": "MAC", "relay": "200"},
        {"mac": "MAC", "relay": "1.0"},
        {"mac": "MAC", "relay": "\u0660"},
        {"mac": "MAC", "relay": "9" * 6000},
        {"mac": "MAC", "security_relay": "0"},
        {"mac": "MAC", "security_relay": "0", "relay": "0"},
        {"mac": "0C1105FFFFFF", "relay": "0"},
        {"mac": "nonsense", "relay": "0"},
        {"mac": "0C1105\x00FFFFF", "relay": "0"},
    ],
)
def test_a_relay_that_is_not_there_is_refused(
    house: House, form: dict[str, str]
) -> None:
    filled = {k: house.door.mac if v == "MAC" else v for k, v in form.items()}

    assert house.app().post("/opendoor", **filled) == NOT_FOUND
    assert not Command.objects.exists()


@with_commits
@pytest.mark.parametrize(
    "form", [{"security_relay": "0"}, {"relay": "100"}, {"security_relay": "100"}]
)
def test_a_security_relay_is_asked_for_in_two_ways(
    house: House, fake_bridge: FakeBridge, form: dict[str, str]
) -> None:
    house.door.relays.filter(number=2).update(kind=RelayKind.SECURITY, number=1)
    shown = house.app().get("/userconf")["datas"]["dev_list"][0]["relay"]
    assert [relay["relay_id"] for relay in shown] == ["0", "100"]

    assert house.app().post("/opendoor", mac=house.door.mac, **form) == SUCCESS
    [command_id] = fake_bridge.taken
    relay = Command.objects.get(pk=command_id).relay
    assert relay is not None
    assert relay.kind == RelayKind.SECURITY


@with_commits
def test_an_empty_security_relay_is_none(house: House, fake_bridge: FakeBridge) -> None:
    form = {"mac": house.door.mac, "relay": "0", "security_relay": ""}

    assert house.app().post("/opendoor", **form) == SUCCESS
    relay = Command.objects.get(pk=fake_bridge.taken[0]).relay
    assert relay is not None
    assert (relay.kind, relay.number) == (RelayKind.LOCAL, 1)


@in_transaction
def test_a_relay_that_the_app_does_not_show_is_denied_on_record(house: House) -> None:
    house.door.relays.filter(number=1).update(access_methods=[AccessMethod.PIN])

    reply = house.app().post("/opendoor", mac=house.door.mac, relay="0")

    assert reply == failure(DenialReason.NOT_OFFERED.label)
    command = Command.objects.get()
    assert (command.state, command.reason) == ("denied", "not_offered")


@in_transaction
def test_a_house_without_service_is_denied_on_record(house: House) -> None:
    Entitlement.objects.update(
        starts_at=utcnow() - timedelta(days=2), ends_at=utcnow() - timedelta(days=1)
    )

    reply = house.app().post("/opendoor", mac=house.door.mac, relay="0")

    assert reply == failure(DenialReason.NO_SERVICE.label)
    assert Command.objects.get().reason == DenialReason.NO_SERVICE


@in_transaction
def test_a_house_whose_bridge_is_away_is_told_at_once(house: House) -> None:
    Bridge.objects.update(is_online=False, last_seen_at=None)

    reply = house.app().post("/opendoor", mac=house.door.mac, relay="0")

    assert reply == failure(DenialReason.BRIDGE_OFFLINE.label)


@with_commits
def test_the_token_may_come_in_the_query_alone(
    house: House, fake_bridge: FakeBridge
) -> None:
    path = f"/opendoor?token={house.tokens().token}"

    assert App().post(path, mac=house.door.mac, relay="0") == SUCCESS
    assert len(fake_bridge.taken) == 1


@with_commits
def test_no_transaction_is_open_while_waiting(
    house: House, fake_bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    from portico.appapi import waiting

    seen: list[bool] = []
    real = waiting.wait_seconds

    def look(command_id: object, _seconds: float, _look: object) -> object:
        seen.append(connection.in_atomic_block)
        return real(command_id, 0)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(waiting, "wait_seconds", look)
    house.app().post("/opendoor", mac=house.door.mac, relay="0")

    assert seen == [False]
    assert len(fake_bridge.taken) == 1
