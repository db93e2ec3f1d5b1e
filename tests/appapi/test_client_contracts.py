"""What each third-party client sends and what it reads, replayed against the app API.

Written down from watching the unmodified clients work against Portico (docs/app-api.md
names the versions); none of their code is here. A step that fails here breaks somebody's
Home Assistant.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from portico.access.services.temp_keys import create_temp_key
from portico.accounts.enums import DateFormat
from portico.kernel.clock import utcnow
from tests.appapi.support import (
    COUNTRY,
    PHONE,
    FakeBridge,
    House,
    app_password,
    mask_email,
    mask_phone,
    sent_code,
)
from tests.factories import run_jobs

pytestmark = [pytest.mark.integration]

Reply = dict[str, Any]

# How clients tell that a reply is a success.
RESULT: Callable[[Reply], bool] = lambda reply: reply["result"] == 0  # noqa: E731
ERR_CODE: Callable[[Reply], bool] = lambda reply: reply["err_code"] == "0"  # noqa: E731
CODE: Callable[[Reply], bool] = lambda reply: reply["code"] == 0  # noqa: E731
ANY_JSON: Callable[[Reply], bool] = lambda _reply: True  # noqa: E731

PHONE_APP = "VBell/6.61.2 (iPhone; iOS 16.6; Scale/3.00)"
NEW_APP = "VBell/7.20.5 (iPhone; iOS 26.1; Scale/2.00)"
WEB_VIEW = "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) SmartPlus/6.2"
GATE = "gate.ecloud.example.com:8600"
WEB = "ecloud.example.com"
BACKEND = "backend.ecloud.example.com"


@dataclass(frozen=True)
class Step:
    """One request; words in braces are filled in from what is known by then.

    ``reads`` names the fields that the client needs, with their types; ``keeps`` what it
    remembers of them; ``never`` keys whose presence would mislead it.
    """

    method: str
    path: str
    host: str = GATE
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    form: str = ""
    body: Mapping[str, str] | None = None
    succeeds: Callable[[Reply], bool] = RESULT
    reads: Mapping[str, type] = field(default_factory=dict)
    keeps: Mapping[str, str] = field(default_factory=dict)
    never: tuple[str, ...] = ()


def api(version: str, agent: str = PHONE_APP) -> dict[str, str]:
    return {
        "api-version": version,
        "X-AUTH-TOKEN": "{token}",
        "User-Agent": agent,
        "Accept": "*/*",
        "x-cloud-lang": "en",
    }


def web(page: str, agent: str = WEB_VIEW) -> dict[str, str]:
    return {
        "x-cloud-version": "6.4",
        "x-cloud-lang": "en",
        "x-auth-token": "{token}",
        "user-agent": agent,
        "referer": f"https://{WEB}/smartplus/{page}?TOKEN={{token}}",
        "sec-fetch-mode": "cors",
        "accept": "application/json, text/plain, */*",
    }


SESSION = {
    "token": "datas.token",
    "auth_token": "datas.auth_token",
    "refresh_token": "datas.refresh_token",
}
REST = Step(
    "GET",
    "/rest_server",
    headers={"api-version": "6.0"},
    reads={"datas.rest_server_https": str},
    keeps={"rest": "datas.rest_server_https"},
)
REST_BY_HALF = Step(
    "GET",
    "/rest_server",
    headers={"api-version": "6.0", "accept": "application/json"},
    succeeds=ANY_JSON,
    reads={"datas.rest_server_https": str},
    keeps={"rest": "datas.rest_server_https"},
)
ORDER_CODE = Step(
    "POST",
    "/send_mobile_checkcode",
    host="{rest}",
    headers=api("") | {"X-AUTH-TOKEN": ""},
    form="AreaCode={country}&MobileNumber={phone}&Type=0",
    # The whole reply is what the client unwraps to if there are no datas.
    never=("datas",),
)
ORDER_CODE_AT_GATE = Step(
    "POST",
    "/send_mobile_checkcode",
    headers={"X-AUTH-TOKEN": "", "User-Agent": PHONE_APP},
    form="AreaCode={country}&MobileNumber={phone}&Type=0",
    never=("datas",),
)
SMS_LOGIN = Step(
    "GET",
    "/sms_login",
    headers={"api-version": "6.6", "User-Agent": PHONE_APP},
    query="phone={masked_phone}&code={code}&area_code={country}",
    reads={
        "datas.token": str,
        "datas.auth_token": str,
        "datas.refresh_token": str,
        "datas.rtmp_server": str,
    },
    keeps=SESSION,
)
SERVERS = Step(
    "POST",
    "/servers_list",
    headers=api("6.6"),
    body={
        "auth_token": "{auth_token}",
        "passwd": "{auth_token}",
        "token": "{token}",
        "user": "{masked_phone}",
    },
    reads={"datas.rtmp_server": str},
)
SERVERS_BY_TOKEN = Step(
    "POST",
    "/servers_list",
    headers=api("6.8", NEW_APP),
    body={"token": "{token}", "user": "{masked_phone}"},
    reads={"datas.rtmp_server": str},
)
USERCONF = Step(
    "GET",
    "/userconf",
    host="{rest}",
    headers=api("6.5"),
    query="token={token}",
    reads={
        "err_code": str,
        "datas.app_conf.project_name": str,
        "datas.dev_list.0.location": str,
        "datas.dev_list.0.mac": str,
        "datas.dev_list.0.relay.0.relay_id": str,
        "datas.dev_list.0.relay.0.door_name": str,
    },
    keeps={
        "mac": "datas.dev_list.0.mac",
        "relay": "datas.dev_list.0.relay.0.relay_id",
    },
)
USERCONF_BY_POST = Step(
    "POST",
    "/userconf",
    host="{rest}",
    headers=api("6.5"),
    query="token={token}",
    reads=USERCONF.reads,
    keeps=USERCONF.keeps,
)
KEY_FIELDS = (
    "ID",
    "Description",
    "TmpKey",
    "BeginTime",
    "EndTime",
    "AccessTimes",
    "AllowedTimes",
    "EachAllowedTimes",
    "QrCodeUrl",
    "Expired",
    "Doors.0.ID",
    "Doors.0.KeyID",
    "Doors.0.Relay",
    "Doors.0.MAC",
)
LOG_FIELDS = (
    "CaptureTime",
    "Initiator",
    "CaptureType",
    "Location",
    "MAC",
    "Relay",
    "PicUrl",
)


def temp_keys(kind: str) -> Step:
    return Step(
        "GET",
        f"/web-server/v3/app/{kind}/tempKey/getPersonalTempKeyList",
        host=WEB,
        headers=web("TmpKey.html"),
        query="row=20&page=1",
        succeeds=CODE,
        reads={"data": list} | {f"data.0.{name}": str for name in KEY_FIELDS},
        keeps={"key_time": "data.0.EndTime", "qr": "data.0.QrCodeUrl"},
    )


def empty_log(kind: str) -> Step:
    return Step(
        "GET",
        f"/web-server/v3/app/{kind}/log/getDoorLog",
        host=WEB,
        headers=web("Activities.html"),
        query="row=1",
        succeeds=CODE,
        reads={"data": list},
    )


def log_with_opening(kind: str) -> Step:
    return Step(
        "GET",
        f"/web-server/v3/app/{kind}/log/getDoorLog",
        host=WEB,
        headers=web("Activities.html"),
        query="row=1",
        succeeds=CODE,
        reads={f"data.0.{name}": str for name in LOG_FIELDS},
        keeps={"log_time": "data.0.CaptureTime", "opened": "data.0.CaptureType"},
    )


def open_door(
    *, host: str = "{rest}", succeeds: Callable[[Reply], bool] = RESULT
) -> Step:
    return Step(
        "POST",
        "/opendoor",
        host=host,
        headers=api("4.3"),
        query="token={token}",
        form="mac={mac}&relay={relay}",
        succeeds=succeeds,
        never=("datas",),
    )


def refresh(agent: str = NEW_APP) -> Step:
    return Step(
        "POST",
        "/refresh_token",
        headers=api("6.8", agent),
        body={"refresh_token": "{refresh_token}"},
        succeeds=ERR_CODE,
        reads={
            "message": str,
            "datas.token": str,
            "datas.refresh_token": str,
            "datas.token_valid": str,
        },
        keeps={"token": "datas.token", "refresh_token": "datas.refresh_token"},
        # Two of them unwrap a reply that has a result, and then miss its err_code.
        never=("result",),
    )


def login(version: str, query: str, agent: str) -> Step:
    return Step(
        "GET",
        "/login",
        headers={"api-version": version, "user-agent": agent, "x-auth-token": ""},
        query=query,
        succeeds=ERR_CODE,
        reads={
            "datas.token": str,
            "datas.refresh_token": str,
            "datas.token_valid": str,
            "datas.rest_server_https": str,
            "datas.rtmp_server": str,
        },
        keeps={
            "token": "datas.token",
            "refresh_token": "datas.refresh_token",
            "rest": "datas.rest_server_https",
        },
    )


BEFORE_SIGN_IN = (empty_log("community"), empty_log("single"))
SIGN_IN_BY_SMS = (REST, ORDER_CODE, SMS_LOGIN)
HOUSE_OVER_V3 = (USERCONF, temp_keys("single"))
V4 = "/web-server/v4/smartplus/community/log/member"
V4_LOG = Step(
    "GET",
    f"{V4}/getDoorLog",
    host=BACKEND,
    headers=web("") | {"origin": f"https://{WEB}", "pragma": "no-cache"},
    query="row=20&page=1&_t=1790000000000",
    succeeds=CODE,
    reads={
        f"data.list.0.{name}": str
        for name in (
            "captureTime",
            "deviceName",
            "initiator",
            "captureType",
            "relayName",
            "deviceMac",
            "picUrl",
            "buildingName",
            "roomNum",
        )
    },
    keeps={
        "log_time": "data.list.0.captureTime",
        "opened": "data.list.0.captureType",
    },
)
V4_CALLS = Step(
    "GET",
    f"{V4}/getCallLog",
    host=BACKEND,
    headers=web(""),
    query="row=20&page=1&_t=1790000000000",
    succeeds=CODE,
    reads={"data.list": list},
)
MAKE_KEY = Step(
    "POST",
    "/web-server/v3/app/single/tempKey/addPersonalTempKey",
    host=WEB,
    headers=web("TmpKey.html"),
    form=(
        "Description=Guest&IDNumber=&SchedulerType=3&DateFlag=&StartDay={today}"
        "&StopDay=2099-12-31&StartTime=00:00:00&StopTime=23:59:59&AllowedTimes=1"
        "&MAC[0][MAC]={mac}&MAC[0][Relay]=0&MAC[0][SecurityRelay]=&IsFollowMyAccess=1"
    ),
    succeeds=CODE,
)
FIND_KEY = Step(
    "GET",
    "/web-server/v3/app/single/tempKey/getPersonalTempKeyList",
    host=WEB,
    headers=web("TmpKey.html"),
    query="row=20&page=1",
    succeeds=CODE,
    reads={"data.0.Description": str, "data.0.ID": str, "data.0.EndTime": str},
    keeps={"made": "data.0.ID", "key_time": "data.0.EndTime"},
)
DELETE_KEY = Step(
    "POST",
    "/web-server/v3/app/single/tempKey/delPersonalTempKey",
    host=WEB,
    headers=web("TmpKey.html"),
    form="ID={made}",
    succeeds=CODE,
)
EMAIL_NO_DIGITS = "user={email}&passwd={password}&id_code="
EMAIL_WITH_DIGITS = "user={email_digits}&passwd={password}&id_code=(null)"

DMY, YMD = "%d-%m-%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class Contract:
    """A client: what it does in its order, and the only dates that it can read."""

    steps: tuple[Step, ...]
    dates: str = DMY


CONTRACTS = {
    "nimroddolev and lamadome": Contract(
        (
            REST,
            *BEFORE_SIGN_IN,
            ORDER_CODE,
            SMS_LOGIN,
            *HOUSE_OVER_V3,
            SERVERS,
            open_door(),
            log_with_opening("single"),
        )
    ),
    "jul-sh": Contract(
        (
            REST,
            *BEFORE_SIGN_IN,
            ORDER_CODE,
            SMS_LOGIN,
            *HOUSE_OVER_V3,
            SERVERS,
            refresh(),
            open_door(),
            log_with_opening("single"),
        )
    ),
    "jul-sh's scripts": Contract(
        (
            REST_BY_HALF,
            ORDER_CODE,
            SMS_LOGIN,
            refresh(),
            refresh(),
            refresh(),
            USERCONF,
            open_door(succeeds=ERR_CODE),
        )
    ),
    "wh1t35m1th": Contract(
        (
            REST,
            ORDER_CODE_AT_GATE,
            SMS_LOGIN,
            USERCONF,
            temp_keys("community"),
            SERVERS_BY_TOKEN,
            refresh(),
            open_door(),
            log_with_opening("community"),
        )
    ),
    "woodmj74": Contract(
        (
            REST,
            *BEFORE_SIGN_IN,
            ORDER_CODE,
            SMS_LOGIN,
            *HOUSE_OVER_V3,
            SERVERS,
            refresh("VBell/7.12.2 (iPhone; iOS 18.5; Scale/2.00)"),
            open_door(),
            log_with_opening("single"),
        )
    ),
    "rengers with a password": Contract(
        (
            login("7.33", EMAIL_WITH_DIGITS, "VBell/7.42.2 (iPhone; iOS 26.5.2)"),
            USERCONF,
            temp_keys("community"),
            refresh(),
            open_door(),
            log_with_opening("community"),
        )
    ),
    "rengers with an SMS": Contract(
        (*SIGN_IN_BY_SMS, USERCONF, SERVERS, refresh(), open_door())
    ),
    "breadone": Contract(
        (
            REST,
            login("7.33", EMAIL_NO_DIGITS, "VBell/7.41.4 (iPhone; iOS 27.0)"),
            USERCONF,
            temp_keys("community"),
            refresh("VBell/7.41.4 (iPhone; iOS 27.0)"),
            open_door(),
            log_with_opening("community"),
        ),
        dates=YMD,
    ),
    "ftrouf": Contract(
        (
            login(
                "7.11", "user={email}&passwd={password}", "VBell/7.15.3 (iPhone; 18.5)"
            ),
            REST,
            Step("GET", "/servers_list", headers=api("6.8"), succeeds=ANY_JSON),
            USERCONF,
            temp_keys("community"),
            open_door(),
            log_with_opening("community"),
        )
    ),
    "cantruchd": Contract(
        (
            *SIGN_IN_BY_SMS,
            Step(
                "GET",
                "/servers_list",
                query="token={token}",
                reads={"datas.vrtsp_server": str},
            ),
            Step(
                "POST",
                "/servers_list",
                headers=api("6.6"),
                body={
                    "auth_token": "{auth_token}",
                    "token": "{token}",
                    "user": "{masked_phone}",
                },
                reads={"datas.rtmp_server": str},
            ),
            USERCONF_BY_POST,
            temp_keys("community"),
            V4_CALLS,
            open_door(host="rest.scloud.example.com:8443"),
            V4_LOG,
        )
    ),
    "cunningplay": Contract(
        (
            login("7.33", EMAIL_WITH_DIGITS, "VBell/7.42.2"),
            USERCONF,
            MAKE_KEY,
            FIND_KEY,
            DELETE_KEY,
            open_door(),
            log_with_opening("single"),
        )
    ),
}


class Replay:
    """A client at work: sends its steps and remembers what it keeps."""

    def __init__(self, house: House) -> None:
        email = str(house.user.email)
        self._client = Client()
        self.known = {
            "token": "",
            "country": COUNTRY,
            "phone": PHONE,
            "masked_phone": mask_phone(PHONE),
            "email": mask_email(email, digits=False),
            "email_digits": mask_email(email, digits=True),
            "password": app_password(),
            "today": utcnow().strftime("%Y-%m-%d"),
        }

    def _filled(self, text: str) -> str:
        for name, value in self.known.items():
            text = text.replace(f"{{{name}}}", value)
        assert "{" not in text, text
        return text

    def send(self, step: Step) -> Reply:
        """The reply to ``step``, after what was left behind has been worked off."""
        run_jobs()
        headers = {name: self._filled(value) for name, value in step.headers.items()}
        kind, data = "application/x-www-form-urlencoded", self._filled(step.form)
        if step.body is not None:
            kind = "application/json"
            data = json.dumps({k: self._filled(v) for k, v in step.body.items()})
        response = self._client.generic(
            step.method,
            step.path,
            data,
            content_type=kind,
            headers=headers | {"Host": self._filled(step.host)},
            QUERY_STRING=self._filled(step.query),
        )
        assert response.status_code == 200, (step.path, response.content)
        if step.path == "/send_mobile_checkcode":
            self.known["code"] = sent_code()
        reply: Reply = json.loads(response.content)
        return reply

    def do(self, step: Step) -> None:
        """Send ``step`` and read the reply as the client does."""
        reply = self.send(step)
        assert step.succeeds(reply), (step.path, reply)
        for name, kind in step.reads.items():
            value = found(reply, name)
            assert type(value) is kind, (step.path, name, value)
        for name in step.never:
            assert name not in reply, (step.path, name)
        self.known |= {name: str(found(reply, at)) for name, at in step.keeps.items()}


def found(reply: Any, path: str) -> Any:
    """What is at ``path`` of ``reply``: names and indices joined by dots."""
    for name in path.split("."):
        reply = reply[int(name)] if name.isdecimal() else reply[name]
    return reply


def prepare(house: House, dates: str) -> None:
    house.user.date_format = DateFormat.DMY if dates == DMY else DateFormat.YMD
    house.user.save()
    now = utcnow()
    create_temp_key(
        actor=house.user,
        site=house.site,
        name="Parcel",
        relays=list(house.door.relays.all()),
        starts_at=now,
        ends_at=now.replace(year=now.year + 1, day=1),
        uses_allowed=10,
        now=now,
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", CONTRACTS)
def test_a_client_gets_all_that_it_reads(
    house: House, fake_bridge: FakeBridge, name: str
) -> None:
    contract = CONTRACTS[name]
    prepare(house, contract.dates)
    replay = Replay(house)
    for step in contract.steps:
        if step in BEFORE_SIGN_IN:  # polled with an empty token; refused, not failed
            assert replay.send(step)["code"] == 2
            continue
        replay.do(step)

    assert len(fake_bridge.taken) == 1
    assert replay.known["mac"] == house.door.mac
    for what in ("key_time", "log_time"):
        if what in replay.known:
            # Raises for any other order; this ends the whole platform in one client.
            datetime.strptime(replay.known[what], contract.dates)  # noqa: DTZ007
    assert replay.known.get("opened", "Unlock on SmartPlus") == "Unlock on SmartPlus"


# How clients recognise that their token is no longer good.
DETECTORS: dict[str, tuple[str, Callable[[Reply], bool]]] = {
    "woodmj74": ("legacy", lambda reply: reply["message"] == "token invalid"),
    "rengers": ("legacy", lambda reply: "token invalid" in json.dumps(reply)),
    "cantruchd": ("legacy", lambda reply: reply["result"] == -1),
    "jul-sh's scripts": ("legacy", lambda reply: str(reply["err_code"]) != "0"),
    "jul-sh": ("web", lambda reply: str(reply["code"]) == "2"),
    "rengers, log": (
        "web",
        lambda reply: "invalid identity" in json.dumps(reply).lower(),
    ),
    "nimroddolev": ("web", lambda reply: reply["code"] != 0 and "result" not in reply),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", DETECTORS)
def test_a_client_notices_that_its_token_has_died(house: House, name: str) -> None:
    where, notices = DETECTORS[name]
    replay = Replay(house)
    replay.known |= {"token": "dead", "rest": GATE}
    step = USERCONF if where == "legacy" else empty_log("community")

    assert notices(replay.send(step))


@pytest.mark.django_db
@pytest.mark.parametrize("label", ["ecloud", "ucloud", "scloud", "aucloud", "jcloud"])
def test_every_region_is_this_server(house: House, label: str) -> None:
    """Some clients always dial one region, whatever the user chose."""
    replay = Replay(house)
    host = f"gate.{label}.example.com:8600"
    reply = replay.send(Step("GET", "/rest_server", host=host))

    assert found(reply, "datas.rest_server_https") == host
