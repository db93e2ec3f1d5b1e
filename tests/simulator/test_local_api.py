from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest

from portico.simulator.factory import API
from portico.simulator.virtual import VirtualUnit
from tests.simulator.support import MAC, run, until

pytestmark = pytest.mark.integration

INFO = "/api/system/info"


@asynccontextmanager
async def client(
    unit: VirtualUnit, *, auth: Any = None
) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client that signs in with Digest unless told otherwise."""
    chosen = auth or httpx.DigestAuth(unit.api_user, unit.api_password)
    async with httpx.AsyncClient(
        base_url=f"http://{unit.address}", auth=chosen, trust_env=False
    ) as made:
        yield made


def _anonymous(request: httpx.Request) -> httpx.Request:
    return request


async def _post(
    http: httpx.AsyncClient, target: str, action: str, data: dict[str, Any]
) -> dict[str, Any]:
    envelope = {"target": target, "action": action, "data": data}
    answer = await http.post(f"/api/{target}/{action}", json=envelope)
    assert answer.status_code == 200
    return dict(answer.json())


async def _get(http: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await http.get(path)
    assert answer.status_code == 200
    return dict(answer.json())


def test_unauthenticated_call_is_recognisable() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit, auth=_anonymous) as http,
        ):
            answer = await http.get(INFO)

            assert answer.status_code == 401
            assert answer.headers["Server"] == "lighttpd/1.4.30"
            challenge = answer.headers["WWW-Authenticate"]
            assert challenge.startswith('Digest realm="HTTP API"')

    run(test())


def test_system_info_names_the_unit() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            answer = await _get(http, INFO)

            assert (answer["retcode"], answer["message"]) == (0, "OK")
            status = answer["data"]["Status"]
            assert status["Model"] == "R20A"
            assert status["MAC"] == "0C:11:05:00:00:01"
            assert status["FirmwareVersion"] == "320.30.11.63"
            assert answer["data"]["Account1"]["Status"] == "0"

    run(test())


def test_aiohttp_signs_in_as_well() -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="R20A") as unit:
            digest = aiohttp.DigestAuthMiddleware("admin", "httpapi")
            async with aiohttp.ClientSession(middlewares=(digest,)) as session:
                for _ in range(3):
                    url = f"http://{unit.address}/api/relay/status?x=1"
                    async with session.get(url) as answer:
                        assert answer.status == 200

    run(test())


@pytest.mark.parametrize(
    ("mode", "auth", "status"),
    [
        ("0", None, 200),
        ("1", ("admin", "httpapi"), 200),
        ("1", ("admin", "wrong"), 401),
        ("3", ("admin", "httpapi"), 401),
        ("4", httpx.DigestAuth("admin", "wrong"), 401),
        ("4", ("admin", "httpapi"), 401),
        ("5", ("admin", "httpapi"), 200),
        ("5", httpx.DigestAuth("admin", "httpapi"), 200),
    ],
)
def test_auth_modes(mode: str, auth: Any, status: int) -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(
                mac=MAC, model="R20A", config={f"{API}AuthMode": mode}
            ) as unit,
            client(unit, auth=auth or _anonymous) as http,
        ):
            assert (await http.get(INFO)).status_code == status

    run(test())


@pytest.mark.parametrize(
    ("listed", "status"), [("", 403), ("192.0.2.1", 403), ("127.0.0.1", 200)]
)
def test_allowlist_mode(listed: str, status: int) -> None:
    async def test() -> None:
        config = {f"{API}AuthMode": "2", f"{API}WhiteListIP03": listed}
        async with (
            VirtualUnit.start(mac=MAC, model="R20A", config=config) as unit,
            client(unit, auth=_anonymous) as http,
        ):
            answer = await http.get(INFO)

            assert answer.status_code == status
            assert "WWW-Authenticate" not in answer.headers

    run(test())


def test_api_switched_off() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(
                mac=MAC, model="R20A", config={f"{API}Enable": "0"}
            ) as unit,
            client(unit) as http,
        ):
            assert (await http.get(INFO)).status_code == 403

    run(test())


def test_new_password_counts_at_once() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            change = {f"{API}Password": "new"}
            assert (await _post(http, "config", "set", change))["retcode"] == 0
            assert (await http.get(INFO)).status_code == 401
            async with client(unit) as again:
                assert (await again.get(INFO)).status_code == 200

    run(test())


def test_all_three_forms_of_a_call() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            item = {"item": [{"Name": "Staff"}]}
            whole = {"target": "group", "action": "add", "data": item}
            by_envelope = (await http.post("/api/", json=whole)).json()
            text = '{"item": [{"Name": "Guests"}]}'
            by_path = (await http.post("/api/group/add", content=text)).json()
            by_query = await _get(http, "/api/group/get?page=1")

            assert by_envelope["action"] == by_path["action"] == "add"
            names = [each["Name"] for each in by_query["data"]["item"]]
            assert names == ["Staff", "Guests"]

    run(test())


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", "/api/nothing/get", None, 200, "Api unsupported"),
        ("GET", "/api/user/dance", None, 200, "unsupport action"),
        ("GET", "/api/user/clear", None, 200, "unsupport action"),
        ("POST", "/api/config/set", {"Config.A.B": "1"}, 200, "unsupport action"),
        ("POST", "/api", {"Config.A.B": "1"}, 200, "unsupport action"),
        ("GET", "/api", None, 400, ""),
        ("POST", "/api/user/add", [1], 400, ""),
        ("GET", "/web/login", None, 404, ""),
        ("GET", "/fcgi/nothing", None, 404, ""),
    ],
)
def test_calls_that_do_not_exist(
    method: str, path: str, body: Any, status: int, message: str
) -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            answer = await http.request(method, path, json=body)

            assert answer.status_code == status
            if message:
                assert answer.json()["retcode"] == -1
                assert answer.json()["message"] == message

    run(test())


def _user(number: int) -> dict[str, str]:
    return {
        "Name": f"User {number}",
        "UserID": str(number),
        "PrivatePIN": str(1000 + number),
        "ScheduleRelay": "1001-1",
        "Schedule-Relay": "1001-1",
    }


def test_users_are_paged_by_ten() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            users = {"item": [_user(number) for number in range(23)]}
            await _post(http, "user", "add", users)

            pages = [await _get(http, f"/api/user/get?page={n}") for n in (1, 2, 3, 4)]
            assert [len(page["data"]["item"]) for page in pages] == [10, 10, 3, 0]
            assert {page["data"]["num"] for page in pages} == {23}
            everybody = await _get(http, "/api/user/get")
            ids = [user["ID"] for user in everybody["data"]["item"]]
            assert ids == [str(number) for number in range(1, 24)]
            found = await _get(http, "/api/user/get?NameOrCode=user%2022")
            assert [each["UserID"] for each in found["data"]["item"]] == ["22"]

    run(test())


def test_user_life_and_numbers_are_not_reused() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            await _post(http, "user", "add", {"item": [_user(1), _user(2)]})
            change = {"item": [{"ID": "2", "Name": "Other"}]}
            assert (await _post(http, "user", "set", change))["retcode"] == 0
            await _post(http, "user", "del", {"item": [{"ID": "1"}]})
            await _post(http, "user", "add", {"item": [_user(3)]})
            users = (await _get(http, "/api/user/get"))["data"]["item"]

            assert [(each["ID"], each["Name"]) for each in users] == [
                ("2", "Other"),
                ("3", "User 3"),
            ]
            assert users[0]["ScheduleRelay"] == "1001-1"
            gone = await _post(http, "user", "del", {"item": [{"ID": "1"}]})
            assert gone["retcode"] == -1
            await _post(http, "user", "clear", {})
            assert (await _get(http, "/api/user/get"))["data"]["num"] == 0

    run(test())


@pytest.mark.parametrize(
    "items", [[], "x", [1], [{"Name": "no id"}], [{"UserID": "no name"}]]
)
def test_bad_users_are_refused_and_none_is_stored(items: Any) -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            answer = await _post(http, "user", "add", {"item": items})

            assert answer["retcode"] == -1
            assert unit.unit.core.state.users == []

    run(test())


def test_user_limit_and_card_truncation() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="E12W") as unit,
            client(unit) as http,
        ):
            cards = ";".join(["0A0B0C0D0E0F"] * 6)
            await _post(http, "user", "add", {"item": [_user(0) | {"CardCode": cards}]})
            assert len(unit.unit.core.state.users[0]["CardCode"]) == 63
            many = {"item": [_user(number) for number in range(1000)]}

            assert (await _post(http, "user", "add", many))["message"] == "User Full"
            assert len(unit.unit.core.state.users) == 1

    run(test())


def test_cloud_users_cannot_be_edited_locally() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            await _post(http, "user", "add", {"item": [_user(1) | {"SourceType": "2"}]})

            answer = await _post(http, "user", "del", {"item": [{"ID": "1"}]})
            assert answer["retcode"] == -1
            assert len(unit.unit.core.state.users) == 1

    run(test())


def test_schedules_have_built_ins_and_numbers() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            item = {"Type": "2", "Name": "Day", "Daily": "08:00-18:00"}
            await _post(http, "schedule", "add", {"item": [item]})
            shown = (await _get(http, "/api/schedule/get"))["data"]["item"]

            assert [each["DisplayID"] for each in shown] == ["1001", "1002", "3"]

    run(test())


@pytest.mark.parametrize(
    ("model", "field"),
    [("R20A", "ScheduleRelay"), ("R26", "Schedule-Relay"), ("X915S", "Schedule")],
)
def test_schedule_field_is_spelled_by_model(model: str, field: str) -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model=model) as unit,
            client(unit) as http,
        ):
            await _post(http, "user", "add", {"item": [_user(1)]})
            user = (await _get(http, "/api/user/get"))["data"]["item"][0]

            names = {"ScheduleRelay", "Schedule-Relay", "Schedule"} & user.keys()
            assert names == {field}

    run(test())


def test_relay_opens_and_closes_by_itself() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            delay = {"Config.DoorSetting.RELAY.RelayADelay": "1"}
            await _post(http, "config", "set", delay)
            data = {"num": 1, "mode": 0, "level": 0, "delay": 0}
            assert (await _post(http, "relay", "trig", data))["retcode"] == 0
            opened = await _get(http, "/api/relay/status")
            await until(lambda: not unit.unit.relays.is_open("A"))
            closed = await _get(http, "/api/relay/status")

            assert opened["data"] == {"RelayA": 1, "RelayB": 0}
            assert closed["data"] == {"RelayA": 0, "RelayB": 0}
            log = (await _get(http, "/api/doorlog/get?page=1"))["data"]["item"]
            assert log[0]["Relay"] == "RelayA"

    run(test())


@pytest.mark.parametrize(
    "data", [{"num": 3}, {"num": "x"}, {"num": 1, "mode": 7}, {"num": 1, "delay": -1}]
)
def test_bad_relay_orders_open_nothing(data: dict[str, Any]) -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            assert (await _post(http, "relay", "trig", data))["retcode"] == -1
            assert not unit.unit.relays.is_open("A")

    run(test())


def test_manual_relay_stays_until_the_next_order() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            for expected in (1, 0):
                await _get(http, "/api/relay/trig?num=2&mode=1")
                status = await _get(http, "/api/relay/status")
                assert status["data"]["RelayB"] == expected

    run(test())


def test_config_get_whole_filtered_and_by_item() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            whole = (await _get(http, "/api/config/get"))["data"]
            some = await _post(http, "config", "get", {"filter": ["Config.TR069"]})
            keys = ["Config.DoorSetting.APIFCGI.AuthMode", "Config.Not.There"]
            items = await _post(http, "config", "get", {"item": keys})

            assert len(whole) > 100
            assert all(isinstance(value, str) for value in whole.values())
            assert some["data"] == {"Config.TR069.DeviceInfo.DeviceName": "R20A"}
            assert items["data"] == {keys[0]: "4"}

    run(test())


def test_keys_of_other_dialects_change_nothing() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="E18C") as unit,
            client(unit) as http,
        ):
            change = {
                "Config.Account1.SIP.Server": "sip.example",
                "Config.Account.SIP.Server": "sip.example",
                "Config.DoorSetting.RELAY.RelayADelay": "9",
            }
            assert (await _post(http, "config", "set", change))["retcode"] == 0

            assert unit.unit.core.state.config == {
                "Config.Account.SIP.Server": "sip.example"
            }

    run(test())


def test_e18c_wants_the_target() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="E18C") as unit,
            client(unit) as http,
        ):
            body = {"action": "add", "data": {"item": [{"Name": "Staff"}]}}
            answer = (await http.post("/api/group/add", json=body)).json()

            assert answer["message"] == "Api unsupported"
            assert unit.unit.core.state.groups == []

    run(test())


def test_e16c_sets_config_by_get_only() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="E16C") as unit,
            client(unit) as http,
        ):
            key = "Config.Settings.GENERAL.WebTitle"
            await _get(http, f"/api/config/set?{key}=Gate")
            assert unit.unit.core.settings[key] == "Gate"
            refused = await _post(http, "config", "set", {key: "Other"})

            assert refused["message"] == "unsupport action"
            assert unit.unit.core.settings[key] == "Gate"

    run(test())


def test_s532_shows_and_takes_passwords_in_base64() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="S532") as unit,
            client(unit) as http,
        ):
            key = "Config.Account1.GENERAL.Pwd"
            await _post(http, "config", "set", {key: "c2VjcmV0"})
            shown = await _post(http, "config", "get", {"item": [key]})
            bad = await _post(http, "config", "set", {key: "no base64!"})

            assert unit.unit.core.settings[key] == "secret"
            assert shown["data"] == {key: "c2VjcmV0"}
            assert bad["retcode"] == -1

    run(test())


def test_s5xx_throttle_bursts_with_401() -> None:
    async def test() -> None:
        config = {f"{API}AuthMode": "0"}
        async with (
            VirtualUnit.start(mac=MAC, model="S535", config=config) as unit,
            client(unit, auth=_anonymous) as http,
        ):
            statuses = [(await http.get(INFO)).status_code for _ in range(9)]

            assert statuses == [200] * 8 + [401]

    run(test())


def test_x915s_contacts_are_an_apartment_book() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="X915S") as unit,
            client(unit) as http,
        ):
            unit.unit.directory.add("contact", [{"Name": "Flat 1", "Phone": "101"}])
            item = {"item": [{"Name": "Flat 2"}]}
            refused = await _post(http, "contact", "add", item)
            shown = (await _get(http, "/api/contact/get"))["data"]["item"]

            assert refused["message"] == "unsupport action"
            assert shown[0]["APTName"] == "Flat 1"
            assert "ID" not in shown[0]

    run(test())


def test_calls() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            before = await _get(http, "/api/call/status")
            dialed = await _get(http, "/api/call/dial?Phone=101&DisplayName=Anna")
            busy = await _get(http, "/api/call/dial?Phone=102")
            during = await _get(http, "/api/call/status")
            await _get(http, "/api/call/hangup")
            after = await _get(http, "/api/call/status")
            log = (await _get(http, "/api/calllog/get"))["data"]["item"]

            assert before["data"]["Status"] == after["data"]["Status"] == "READY"
            assert during["data"]["Status"] == "CALLING"
            assert (dialed["retcode"], busy["retcode"]) == (0, -1)
            assert [(each["Name"], each["Num"]) for each in log] == [("Anna", "101")]
            await _post(http, "calllog", "clear", {})
            assert (await _get(http, "/api/calllog/get"))["data"]["num"] == 0

    run(test())


def test_sip_input_and_relay_settings_are_readable() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
            client(unit) as http,
        ):
            change = {"Config.Account1.SIP.Server": "sip.example"}
            await _post(http, "sip", "set", change)
            sip = (await _get(http, "/api/sip/get"))["data"]
            status = (await _get(http, "/api/sip/status"))["data"]
            relay = (await _get(http, "/api/relay/get"))["data"]
            await _post(
                http, "input", "set", {"Config.DoorSetting.INPUT.InputRelay": "2"}
            )
            await unit.act("exit_button")
            inputs = (await _get(http, "/api/input/status"))["data"]
            foreign = await _post(http, "relay", "set", change)

            assert sip["Config.Account1.SIP.Server"] == "sip.example"
            assert status["Account1"]["SipServer"] == "sip.example"
            assert relay["Config.DoorSetting.RELAY.RelayADelay"] == "5"
            assert inputs == {"InputA": 1, "InputB": 0}
            assert unit.unit.relays.is_open("B")
            assert foreign["retcode"] == -1

    run(test())


def test_autop_now_of_the_web_page() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(
                mac=MAC,
                model="R20A",
                config={"Config.Autoprovision.MODE.Mode": "0"},
            ) as unit,
            client(unit) as http,
        ):
            unit.unit.core.settings.apply(
                {"Config.Autoprovision.GENERAL.Url": "http://127.0.0.1:9/"}
            )
            body = {"AUTOPNow": 1}
            await http.post("/api/web/upgradeAdvanced/set", json=body)
            await until(lambda: unit.unit.autop.runs == 1)
            info = await _get(http, "/api/web/upgradeAdvanced/info?AutopNow=1")

            assert info["data"] == {"AutopRuns": 1, "AutopStatus": "fail"}

    run(test())


@pytest.mark.parametrize(
    ("model", "auth", "status"),
    [
        ("R20A", ("admin", "admin"), 200),
        ("R20A", ("admin", "wrong"), 401),
        ("E18C", httpx.DigestAuth("admin", "httpapi"), 200),
        ("E18C", ("admin", "admin"), 401),
        ("C313", ("admin", "admin"), 404),
    ],
)
def test_picture(model: str, auth: Any, status: int) -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model=model) as unit,
            client(unit, auth=auth) as http,
        ):
            answer = await http.get("/picture.jpg")

            assert answer.status_code == status
            if status == 200:
                assert answer.headers["Content-Type"] == "image/jpeg"
                assert answer.content.startswith(b"\xff\xd8")

    run(test())
