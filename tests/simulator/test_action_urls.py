from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest

from portico.protocols.akuvox.action_url import templates
from portico.simulator.actions import fill_in
from portico.simulator.acts import BadAct
from portico.simulator.factory import ACTION_URL
from portico.simulator.virtual import VirtualUnit
from tests.simulator.support import MAC, Cloud, cloud, run

pytestmark = pytest.mark.integration

USER = {
    "Name": "Anna Berg",
    "UserID": "7",
    "PrivatePIN": "1234;5678",
    "CardCode": "0A0B0C0D",
    "FaceUrl": "http://x/face.jpg",
    "ScheduleRelay": "1001-12",
}
ACTS: list[tuple[str, dict[str, Any], str, dict[str, str]]] = [
    (
        "pin",
        {"code": "5678"},
        "ValidCodeEntered",
        {"code": "5678", "user": "Anna Berg"},
    ),
    ("pin", {"code": "9999"}, "InvalidCodeEntered", {"code": "9999"}),
    ("card", {"card": "0A0B0C0D"}, "ValidCardEntered", {"card": "0A0B0C0D"}),
    ("card", {"card": "FFFF"}, "InvalidCardEntered", {"card": "FFFF"}),
    ("nfc", {"card": "0A0B0C0D"}, "ValidCardEntered", {"card": "0A0B0C0D"}),
    ("bluetooth", {"user": "7"}, "ValidCardEntered", {"user": "Anna Berg"}),
    ("face", {"user": "Anna Berg"}, "ValidFaceRecognition", {"method": "Face"}),
    ("face", {"user": "Eve"}, "InvalidFaceRecognition", {}),
    ("qr", {"code": "1234"}, "ValidQRCodeEntered", {"qr": "1234"}),
    ("qr", {"code": "x"}, "InvalidQRCodeEntered", {"qr": "x"}),
    ("exit_button", {}, "InputATriggered", {"status": "1"}),
    ("call", {"number": "101"}, "MakeCall", {"remote": "101"}),
    ("motion", {}, "MotionDetect", {}),
    ("tamper", {}, "AlarmTriggered", {"status": "1"}),
    ("break_in", {"input": 2}, "BreakInAlarmB", {"status": "1"}),
    ("hold_open", {"relay": 2}, "AlarmDoorOpenedTimeoutB", {"location": "Gate"}),
]


def _config(server: Cloud) -> dict[str, str]:
    config = templates(server.base, "s" * 24, config_revision="r7")
    # The boot would report as well.
    del config[f"{ACTION_URL}SetupCompleted"]
    config["Config.DoorSetting.MOTION_DETECT.Enable"] = "2"
    return config


@pytest.mark.parametrize(("act", "params", "suffix", "expected"), ACTS)
def test_every_act_reports(
    act: str, params: dict[str, Any], suffix: str, expected: dict[str, str]
) -> None:
    async def test() -> None:
        async with cloud() as server:
            config = _config(server)
            config["Config.DoorSetting.DEVICENODE.Location"] = "Gate"
            async with VirtualUnit.start(mac=MAC, model="X916", config=config) as unit:
                unit.unit.directory.add("user", [USER])
                await unit.act(act, **params)
                fired = (await unit.wait_fired(suffix))[0]

        assert fired.status == 200
        query = parse_qs(fired.url.partition("?")[2])
        found = {name: values[0] for name, values in query.items()}
        assert found | expected == found
        assert found["event"] == suffix
        assert found["mac"] == MAC
        assert found["ip"] == unit.address
        assert found["model"] == "X916"
        assert found["fw"] == "916.30.10.114"
        assert found["cfg"] == "r7"
        assert server.requests[0][0] == f"/e/{'s' * 24}"

    run(test())


def test_granted_pin_opens_the_users_relays_in_order() -> None:
    async def test() -> None:
        async with cloud() as server:
            config = _config(server)
            async with VirtualUnit.start(mac=MAC, model="X916", config=config) as unit:
                unit.unit.directory.add("user", [USER])
                assert await unit.act("pin", code="1234") == {"granted": True}
                await unit.wait_fired("RelayBTriggered")

                assert [each.suffix for each in unit.fired] == [
                    "ValidCodeEntered",
                    "RelayATriggered",
                    "RelayBTriggered",
                ]
                entry = unit.unit.core.state.door_log[-1]
                assert (entry["Type"], entry["Status"]) == ("2", "0")
                assert entry["Relay"] == "RelayARelayB"

    run(test())


def test_forced_verdicts_need_no_user() -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="X916") as unit:
            granted = await unit.act("face", user="Eve", force="granted")
            unit.unit.directory.add("user", [USER])
            refused = await unit.act("pin", code="1234", force="refused")

            assert (granted, refused) == ({"granted": True}, {"granted": False})
            assert unit.unit.core.state.door_log[-1]["Status"] == "1"

    run(test())


def test_user_without_a_relay_now_is_refused() -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="X916") as unit:
            unit.unit.directory.add("user", [USER | {"ScheduleRelay": "1002-1"}])

            assert await unit.act("pin", code="1234") == {"granted": False}
            assert not unit.unit.relays.is_open("A")

    run(test())


def test_public_pin() -> None:
    async def test() -> None:
        prefix = "Config.DoorSetting.PASSWORD."
        config = {f"{prefix}PublicKeyEnable": "1", f"{prefix}PublicKey2": "3333"}
        async with VirtualUnit.start(mac=MAC, model="R29C", config=config) as unit:
            assert await unit.act("pin", code="3333") == {"granted": True}
            assert unit.unit.core.state.door_log[-1]["Type"] == "3"

    run(test())


def test_failed_report_is_counted_and_not_repeated() -> None:
    async def test() -> None:
        async with cloud() as server:
            server.status = 500
            config = _config(server)
            async with VirtualUnit.start(mac=MAC, model="X916", config=config) as unit:
                await unit.act("motion")
                await unit.wait_fired("MotionDetect")
                await unit.act("tamper")
                await unit.wait_fired("AlarmTriggered")

                assert unit.unit.core.state.failed_action_urls == 2
                assert len(server.requests) == 2

    run(test())


def test_switched_off_or_unknown_urls_send_nothing() -> None:
    async def test() -> None:
        async with cloud() as server:
            config = _config(server)
            config[f"{ACTION_URL}Enable"] = "0"
            async with (
                VirtualUnit.start(mac=MAC, model="X916", config=config) as unit,
                VirtualUnit.start(
                    mac="0C1105000002",
                    model="E16C",
                    config=config | {f"{ACTION_URL}Enable": "1"},
                ) as without_qr,
            ):
                assert await unit.act("motion") == {"sent": False}
                await without_qr.act("qr", code="x")
                await without_qr.act("motion")
                await without_qr.wait_fired("MotionDetect")

        assert [query.split("&")[0] for _, query, _ in server.requests] == [
            "event=MotionDetect"
        ]

    run(test())


def test_method_post_on_models_that_have_it() -> None:
    async def test() -> None:
        async with cloud() as server:
            config = _config(server)
            config[f"{ACTION_URL}Method"] = "POST"
            async with VirtualUnit.start(mac=MAC, model="X916", config=config) as unit:
                await unit.act("motion")
                await unit.wait_fired("MotionDetect")

        assert "Content-Length" in server.headers[0]

    run(test())


def test_motion_is_detected_only_when_switched_on() -> None:
    async def test() -> None:
        async with cloud() as server:
            config = _config(server)
            config["Config.DoorSetting.MOTION_DETECT.Enable"] = "0"
            async with VirtualUnit.start(mac=MAC, model="X916", config=config) as unit:
                assert await unit.act("motion") == {"sent": False}

    run(test())


def test_digest_account_in_the_url() -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac="0C1105000002", model="R20A") as server:
            url = f"http://admin:httpapi@{server.address}/api/system/status?m=$mac"
            config = {f"{ACTION_URL}Enable": "1", f"{ACTION_URL}AlarmTriggered": url}
            async with VirtualUnit.start(mac=MAC, model="X916", config=config) as unit:
                await unit.act("tamper")

                assert (await unit.wait_fired("AlarmTriggered"))[0].status == 200

    run(test())


@pytest.mark.parametrize(
    ("act", "params"),
    [
        ("dance", {}),
        ("pin", {}),
        ("pin", {"code": "1", "force": "maybe"}),
        ("card", {"card": ["x"]}),
        ("call", {}),
        ("exit_button", {"input": 9}),
        ("hold_open", {"relay": True}),
        ("upgrade", {}),
        ("fault", {"name": "x"}),
    ],
)
def test_bad_acts(act: str, params: dict[str, Any]) -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="X916") as unit:
            with pytest.raises(BadAct):
                await unit.act(act, **params)
            assert len(unit.fired) == 0

    run(test())


def test_monitor_has_no_reader_and_reports_calls() -> None:
    async def test() -> None:
        async with cloud() as server:
            config = _config(server)
            async with VirtualUnit.start(mac=MAC, model="C313", config=config) as unit:
                with pytest.raises(BadAct):
                    await unit.act("pin", code="1234")
                await unit.act("call", number="201")
                await unit.act("hangup")
                await unit.wait_fired("HangUp")

    run(test())


def test_offline_unit_acts_and_reports_nothing() -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="X916") as unit:
            await unit.act("offline")
            with pytest.raises(BadAct):
                await unit.act("pin", code="1234")
            await unit.act("online")
            await unit.act("motion")

    run(test())


def test_variables_are_replaced_without_escaping_what_a_url_may_hold() -> None:
    filled = fill_in(
        "http://h/e?c=$code&n=$user_name&x=$nothing&m=$mac.",
        {"code": "a&mac=b", "user_name": "Jörg B", "mac": MAC},
    )

    assert filled == f"http://h/e?c=a&mac=b&n=J%C3%B6rg%20B&x=$nothing&m={MAC}."
