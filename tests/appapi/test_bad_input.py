"""Whatever is sent, the answer is no server error, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import models
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from portico.access.models import TempKey
from portico.accounts.models import AppSession, PhoneCode
from portico.devices.models import Command
from portico.mail.models import OutboundMessage
from tests.appapi.support import ALL_ENDPOINTS, SIGNED_IN_WEB, V3, House

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

FIELDS = (
    "AreaCode",
    "MobileNumber",
    "Type",
    "phone",
    "code",
    "area_code",
    "user",
    "passwd",
    "id_code",
    "token",
    "auth_token",
    "refresh_token",
    "mac",
    "relay",
    "security_relay",
    "trace_id",
    "site",
    "row",
    "page",
    "_t",
    "ID",
    "Description",
    "SchedulerType",
    "StartDay",
    "StopDay",
    "StartTime",
    "StopTime",
    "AllowedTimes",
    "MAC[0][MAC]",
    "MAC[0][Relay]",
    "MAC[0][SecurityRelay]",
)
NASTY = (
    "",
    "0",
    "-1",
    "3",
    "\x00",
    "a\x00b",
    "\u0660",
    "\U0001f6aa",
    "9" * 30,
    "9" * 5000,
    "1e9",
    "null",
    "' OR 1=1 --",
    "0001-01-01",
    "9999-12-31",
    "23:59:59",
    "../../etc/passwd",
    "%00",
    "A" * 70_000,
)
texts = st.sampled_from(NASTY) | st.text(max_size=40)
forms = st.dictionaries(st.sampled_from(FIELDS), texts, max_size=8)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=8,
)
bodies = st.dictionaries(st.sampled_from(FIELDS), jsons, max_size=6) | jsons
endpoints = st.sampled_from(ALL_ENDPOINTS)
many = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WRITTEN: tuple[type[models.Model], ...] = (
    Command,
    TempKey,
    PhoneCode,
    OutboundMessage,
    AppSession,
)


@pytest.fixture(autouse=True)
def _without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that every try reaches the code behind them."""
    from portico.accounts.services import app_sessions

    monkeypatch.setattr(app_sessions, "spend", lambda **_: None)


@pytest.fixture
def token(house: House) -> str:
    return house.tokens().token


@pytest.fixture(autouse=True)
def _nothing_is_written(token: str) -> Iterator[None]:
    del token
    before = [model._default_manager.count() for model in WRITTEN]
    yield
    assert [model._default_manager.count() for model in WRITTEN] == before


def is_answered(response: HttpResponseBase) -> bool:
    """Whether a client understands ``response``: JSON, or a plain refusal."""
    if response.status_code == 200:
        assert isinstance(response, HttpResponse)
        reply = json.loads(response.content)
        return {"result", "err_code"} <= set(reply) or {"code", "msg"} <= set(reply)
    return response.status_code in {400, 404}


@many
@given(endpoint=endpoints, form=forms, signed_in=st.booleans())
def test_any_form(
    token: str, endpoint: tuple[str, str], form: dict[str, str], signed_in: bool
) -> None:
    method, path = endpoint
    headers = {"X-AUTH-TOKEN": token if signed_in else "x"}
    client = Client()
    call = client.get if method == "GET" else client.post

    assert is_answered(call(path, form, headers=headers))


@many
@given(body=bodies, path=st.sampled_from(["/servers_list", "/refresh_token"]))
@example(body="[" * 100_000, path="/refresh_token")
@example(body={"refresh_token": "\ud800"}, path="/refresh_token")
@example(body={"token": "\ud800", "auth_token": "\udfff"}, path="/servers_list")
def test_any_json(body: Any, path: str) -> None:
    raw = body if isinstance(body, str) else json.dumps(body)
    data = raw.encode("utf-8", "surrogatepass")

    response = Client().generic("POST", path, data, content_type="application/json")

    assert is_answered(response)


@many
@given(
    endpoint=endpoints,
    data=st.binary(max_size=300),
    kind=st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded; charset=rot13",
            "application/x-www-form-urlencoded; charset=zlib",
            "application/x-www-form-urlencoded; charset=utf-16",
            "application/json; charset=utf-7",
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "text/plain",
            "",
        ]
    ),
)
def test_any_bytes(
    token: str, endpoint: tuple[str, str], data: bytes, kind: str
) -> None:
    method, path = endpoint
    headers = {"X-AUTH-TOKEN": token}
    response = Client().generic(method, path, data, content_type=kind, headers=headers)

    assert is_answered(response)


@many
@given(endpoint=endpoints, query=st.binary(max_size=100))
@example(endpoint=("GET", "/login"), query=b"user=%00%ff%fe&passwd=%ff")
@example(endpoint=("GET", "/userconf"), query=b"token=%ff%00")
def test_any_query(token: str, endpoint: tuple[str, str], query: bytes) -> None:
    method, path = endpoint
    response = Client().generic(
        method,
        path,
        headers={"X-AUTH-TOKEN": token},
        QUERY_STRING=query.decode("latin-1"),
    )

    assert is_answered(response)


@many
@given(kind=st.text(min_size=1, max_size=20).filter(lambda text: "/" not in text))
def test_any_kind_of_account(token: str, kind: str) -> None:
    path = f"{V3}/{kind}/log/getDoorLog"
    response = Client().get(path, headers={"X-AUTH-TOKEN": token})

    assert is_answered(response)


@many
@given(headers=st.dictionaries(st.sampled_from(["X-AUTH-TOKEN", "User-Agent"]), texts))
def test_any_header(headers: dict[str, str]) -> None:
    for method, path in (("GET", "/userconf"), ("GET", "/login"), SIGNED_IN_WEB[0]):
        assert is_answered(Client().generic(method, path, headers=headers))


def test_a_host_that_is_none_is_refused() -> None:
    response = Client().get("/rest_server", headers={"Host": "a b/c"})

    assert response.status_code == 400
