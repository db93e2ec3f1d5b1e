from __future__ import annotations

import json
from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from portico.accounts.models import AppSession, PhoneCode
from portico.accounts.services.app_sessions import (
    CODE_LIFETIME,
    CODE_TRIES,
    TOKEN_LIFETIME,
    revoke_session,
)
from portico.kernel.clock import utcnow
from portico.mail.models import OutboundMessage
from tests.appapi.support import (
    SIGNED_IN_LEGACY,
    SIGNED_IN_WEB,
    App,
    House,
    app_password,
    content,
    is_legacy_failure,
    mask_email,
    sent_code,
)
from tests.factories import PASSWORD, make_installer

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

SERVERS = (
    "rest_server",
    "rest_server_https",
    "access_server",
    "pbx_server",
    "rtmp_server",
    "vrtsp_server",
    "web_server",
)
REFUSED = {
    "result": 1,
    "err_code": "1",
    "message": "account or password is wrong",
}
TOKEN_INVALID = {"result": -1, "err_code": "-1", "message": "token invalid"}
IDENTITY_INVALID = {
    "code": 2,
    "msg": "Invalid identity information! Please login again.",
    "data": [],
}


def test_rest_server_names_the_host_that_the_client_came_by() -> None:
    host = "gate.ecloud.example.com:8600"
    reply = content(App().send("GET", "/rest_server", headers={"Host": host}))

    assert reply["result"] == 0
    assert type(reply["result"]) is int
    assert (reply["err_code"], reply["message"]) == ("0", "success")
    for name in SERVERS:
        assert isinstance(reply["datas"][name], str)
        assert reply["datas"][f"{name}_ipv6"] == ""
    assert reply["datas"]["rest_server_https"] == host
    assert reply["datas"]["rtmp_server"] == "gate.ecloud.example.com:554"
    assert reply["datas"]["platform_ver"].isdigit()


# Sign-in with email and password


@pytest.mark.parametrize("id_code", ["", "(null)", None])
@pytest.mark.parametrize("digits", [True, False])
def test_login_opens_a_session(house: House, digits: bool, id_code: str | None) -> None:
    assert house.user.email is not None
    query = {
        "user": mask_email(house.user.email, digits=digits),
        "passwd": app_password(),
    }
    if id_code is not None:
        query["id_code"] = id_code
    reply = content(App().send("GET", "/login", query))

    assert (reply["result"], reply["err_code"]) == (0, "0")
    datas = reply["datas"]
    assert datas["token_valid"] == "604800"
    for name in (*SERVERS, "token", "auth_token", "refresh_token"):
        assert isinstance(datas[name], str)
    assert len({datas["token"], datas["auth_token"], datas["refresh_token"]}) == 3
    assert content(App(datas["token"]).send("GET", "/userconf"))["result"] == 0


def test_login_keeps_only_digests_of_the_tokens(house: House) -> None:
    datas = content(App().login("ada.b3@example.org"))["datas"]

    session = AppSession.objects.get()
    kept = {session.token_digest, session.auth_digest, session.refresh_digest}
    shown = {datas["token"], datas["auth_token"], datas["refresh_token"]}
    assert not kept & shown
    assert {len(digest) for digest in kept} == {64}
    assert app_password() not in house.user.app_digest


def test_login_registers_the_resident_once(house: House) -> None:
    def registered() -> list[object]:
        return list(house.site.residents.values_list("registered_at", flat=True))

    assert registered() == [None]
    App().login("ada.b3@example.org")
    first = registered()
    assert first != [None]

    App().login("ada.b3@example.org")

    assert registered() == first


def test_login_is_open_to_several_clients_at_once(house: House) -> None:
    first = content(App().login("ada.b3@example.org"))["datas"]["token"]
    second = content(App().login("ada.b3@example.org"))["datas"]["token"]

    assert AppSession.objects.filter(user=house.user).count() == 2
    for token in (first, second):
        assert App(token).get("/userconf")["result"] == 0


def test_login_refuses_wrong_and_unknown_alike(house: House) -> None:
    del house
    wrong = content(App().login("ada.b3@example.org", "not the password"))
    unknown = content(App().login("nobody@example.org"))

    assert wrong == unknown == REFUSED
    assert is_legacy_failure(wrong)
    assert not AppSession.objects.exists()


def test_login_takes_no_plain_password(house: House) -> None:
    masked = mask_email(str(house.user.email), digits=False)
    query = {"user": masked, "passwd": PASSWORD}

    assert content(App().send("GET", "/login", query)) == REFUSED


def test_login_refuses_the_stored_hash_as_a_digest(house: House) -> None:
    masked = mask_email(str(house.user.email), digits=False)
    query = {"user": masked, "passwd": house.user.app_digest}

    assert content(App().send("GET", "/login", query)) == REFUSED


def test_login_refuses_a_disabled_resident(house: House) -> None:
    house.user.is_active = False
    house.user.save()

    assert content(App().login("ada.b3@example.org")) == REFUSED
    assert not AppSession.objects.exists()


def test_login_refuses_staff() -> None:
    installer = make_installer("ian")

    assert content(App().login(str(installer.email))) == REFUSED
    assert not AppSession.objects.exists()


def test_disabling_a_resident_ends_what_his_tokens_open(house: House) -> None:
    app = house.app()
    assert app.get("/userconf")["result"] == 0
    house.user.is_active = False
    house.user.save()

    assert app.get("/userconf") == TOKEN_INVALID


# Sign-in with a code by SMS


def test_sms_login_opens_a_session(house: House) -> None:
    ordered = content(App().order_code())
    assert ordered == {"result": 0, "err_code": "0", "message": "success"}
    reply = content(App().sms_login(sent_code()))

    assert (reply["result"], reply["err_code"]) == (0, "0")
    assert reply["datas"]["rtmp_server"].count(":") == 1
    assert reply["datas"]["token_valid"] == "604800"
    token = reply["datas"]["token"]
    assert App(token).get("/userconf")["datas"]["app_conf"]["uid"] == str(
        house.resident.pk
    )


@pytest.mark.parametrize("typed", ["7400123456", "07400123456", "7400 123-456"])
def test_a_code_is_sent_however_the_number_is_typed(house: House, typed: str) -> None:
    del house
    App().order_code(typed)

    assert OutboundMessage.objects.get().recipient == "+447400123456"


def test_a_code_order_does_not_tell_whether_there_is_an_account(house: House) -> None:
    del house
    known = App().order_code()
    unknown = App().order_code("7400999999")

    assert known.content == unknown.content
    assert OutboundMessage.objects.count() == PhoneCode.objects.count() == 1


def test_a_code_signs_in_once(house: House) -> None:
    del house
    App().order_code()
    code = sent_code()
    assert content(App().sms_login(code))["result"] == 0

    assert content(App().sms_login(code)) == REFUSED
    assert AppSession.objects.count() == 1


def test_a_newer_code_replaces_the_older(house: House) -> None:
    del house
    App().order_code()
    older = sent_code()
    App().order_code()
    newer = sent_code()

    if older != newer:
        assert content(App().sms_login(older)) == REFUSED
    assert content(App().sms_login(newer))["result"] == 0


def test_a_code_expires(house: House) -> None:
    del house
    App().order_code()
    code = sent_code()
    PhoneCode.objects.update(expires_at=utcnow() - timedelta(seconds=1))

    assert content(App().sms_login(code)) == REFUSED


def test_a_code_lives_ten_minutes(house: House) -> None:
    del house
    App().order_code()
    code = PhoneCode.objects.get()

    assert code.expires_at - code.created_at == CODE_LIFETIME == timedelta(minutes=10)


def test_a_code_survives_four_wrong_tries_and_not_five(house: House) -> None:
    del house
    App().order_code()
    code = sent_code()
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(CODE_TRIES - 1):
        assert content(App().sms_login(wrong)) == REFUSED
    assert PhoneCode.objects.get().tries_left == 1
    assert content(App().sms_login(wrong)) == REFUSED

    assert content(App().sms_login(code)) == REFUSED
    assert not AppSession.objects.exists()


def test_a_code_is_not_kept_in_plain(house: House) -> None:
    del house
    App().order_code()

    assert sent_code() not in PhoneCode.objects.get().code_hash


def test_sms_login_refuses_another_country(house: House) -> None:
    del house
    App().order_code()
    query = {"phone": "733456789", "code": sent_code(), "area_code": "49"}

    assert content(App().send("GET", "/sms_login", query)) == REFUSED


# Server list


def test_servers_list_takes_any_good_token(house: House) -> None:
    tokens = house.tokens()
    body = {"auth_token": tokens.auth_token, "user": "733456789"}
    answers = [
        App().post_json("/servers_list", **body, passwd=body["auth_token"], token="x"),
        App().post_json("/servers_list", token=tokens.token, user="733456789"),
        App(tokens.token).get("/servers_list"),
        App().get("/servers_list", token=tokens.token),
        App(tokens.token).post_json("/servers_list"),
    ]

    for reply in answers:
        assert (reply["result"], reply["err_code"]) == (0, "0")
        assert reply["datas"]["vrtsp_server"].endswith(":554")
        assert "token" not in reply["datas"]


def test_servers_list_refuses_without_a_good_token(house: House) -> None:
    del house
    body = {"auth_token": "x", "token": "y", "passwd": "x", "user": "1"}

    assert App().post_json("/servers_list", **body) == TOKEN_INVALID
    assert App().get("/servers_list") == TOKEN_INVALID
    assert App("zz").get("/servers_list", token="zz") == TOKEN_INVALID


def test_the_auth_token_opens_nothing_else(house: House) -> None:
    app = house.app(house.tokens().auth_token)

    assert app.get("/userconf") == TOKEN_INVALID
    assert app.post("/opendoor", mac=house.door.mac, relay="0") == TOKEN_INVALID


# Refresh


def test_refresh_replaces_both_tokens(house: House) -> None:
    old = house.tokens()
    reply = App(old.token).post_json("/refresh_token", refresh_token=old.refresh_token)

    assert set(reply) == {"err_code", "message", "datas"}
    assert (reply["err_code"], reply["message"]) == ("0", "success")
    datas = reply["datas"]
    assert set(datas) == {"token", "refresh_token", "token_valid"}
    assert datas["token_valid"] == "604800"
    assert App(datas["token"]).get("/userconf")["result"] == 0
    assert App(old.token).get("/userconf") == TOKEN_INVALID
    again = App().post_json("/refresh_token", refresh_token=old.refresh_token)
    assert again == REFUSED
    third = App().post_json("/refresh_token", refresh_token=datas["refresh_token"])
    assert third["err_code"] == "0"


def test_refresh_leaves_other_sessions_alone(house: House) -> None:
    mine, other = house.tokens(), house.tokens()
    App().post_json("/refresh_token", refresh_token=mine.refresh_token)

    assert App(other.token).get("/userconf")["result"] == 0


def test_refresh_works_after_the_token_has_expired(house: House) -> None:
    tokens = house.tokens()
    AppSession.objects.update(expires_at=utcnow() - timedelta(seconds=1))
    assert App(tokens.token).get("/userconf") == TOKEN_INVALID

    reply = App().post_json("/refresh_token", refresh_token=tokens.refresh_token)

    assert App(reply["datas"]["token"]).get("/userconf")["result"] == 0


@pytest.mark.parametrize("given", ["token", "auth_token", "nonsense", "", None, 5, []])
def test_refresh_refuses_what_is_no_refresh_token(house: House, given: object) -> None:
    tokens = house.tokens()
    body = getattr(tokens, given, given) if isinstance(given, str) else given

    reply = App().post_json("/refresh_token", refresh_token=body)

    assert reply == REFUSED
    assert App(tokens.token).get("/userconf")["result"] == 0


@pytest.mark.parametrize("way", ["revoked", "late", "disabled"])
def test_refresh_ends_with_the_session(house: House, way: str) -> None:
    tokens = house.tokens()
    if way == "revoked":
        revoke_session(session=AppSession.objects.get(), now=utcnow())
    elif way == "late":
        AppSession.objects.update(refresh_until=utcnow() - timedelta(seconds=1))
    else:
        house.user.is_active = False
        house.user.save()

    reply = App().post_json("/refresh_token", refresh_token=tokens.refresh_token)

    assert reply == REFUSED


# Tokens


@pytest.mark.parametrize(("method", "path"), SIGNED_IN_LEGACY)
@pytest.mark.parametrize("token", ["", "nonsense", "x" * 500])
def test_legacy_endpoints_refuse_a_bad_token(
    house: House, method: str, path: str, token: str
) -> None:
    del house
    assert content(App(token).send(method, path)) == TOKEN_INVALID
    assert is_legacy_failure(TOKEN_INVALID)


@pytest.mark.parametrize(("method", "path"), SIGNED_IN_WEB)
@pytest.mark.parametrize("token", ["", "nonsense"])
def test_web_endpoints_refuse_a_bad_token(
    house: House, method: str, path: str, token: str
) -> None:
    del house
    assert content(App(token).send(method, path)) == IDENTITY_INVALID


@pytest.mark.parametrize("way", ["expired", "revoked"])
def test_a_token_dies_with_its_session(house: House, way: str) -> None:
    app = house.app()
    if way == "expired":
        AppSession.objects.update(expires_at=utcnow())
    else:
        revoke_session(session=AppSession.objects.get(), now=utcnow())

    assert app.get("/userconf") == TOKEN_INVALID
    assert app.get(SIGNED_IN_WEB[0][1]) == IDENTITY_INVALID


def test_a_token_in_the_query_is_as_good(house: House) -> None:
    tokens = house.tokens()

    assert App().get("/userconf", token=tokens.token)["result"] == 0
    assert App().get("/login_conf", token=tokens.token) == {
        "result": 0,
        "err_code": "0",
        "message": "success",
    }


def test_a_token_in_use_does_not_expire(house: House) -> None:
    app = house.app()
    earlier = utcnow() - timedelta(days=6)
    AppSession.objects.update(last_used_at=earlier, expires_at=earlier + TOKEN_LIFETIME)

    assert app.get("/userconf")["result"] == 0

    left = AppSession.objects.get().expires_at - utcnow()
    assert timedelta(days=6, hours=23) < left <= TOKEN_LIFETIME


def test_an_empty_token_costs_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    """Some clients poll the log every two seconds before they are signed in."""
    with django_assert_num_queries(1):
        App().get(SIGNED_IN_WEB[1][1], row="1")


def test_a_sign_in_is_on_record(house: House) -> None:
    from portico.audit.models import AuditEntry

    App().login("ada.b3@example.org")

    entry = AuditEntry.objects.filter(action="sign_in.app").get()
    assert entry.actor_id == house.user.pk


def test_json_with_brackets_without_end_is_no_json(house: House) -> None:
    del house
    response = App().send("POST", "/refresh_token", "[" * 100_000)

    assert json.loads(response.content) == REFUSED
