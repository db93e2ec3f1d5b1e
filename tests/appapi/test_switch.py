from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import AppSession
from portico.devices.models import Command
from portico.kernel.clock import utcnow
from portico.mail.models import OutboundMessage
from portico.tenancy.services.platform import switch_app_api
from tests.appapi.support import ALL_ENDPOINTS, App, House
from tests.factories import make_operator

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


def switch(*, enabled: bool) -> None:
    switch_app_api(actor=make_operator(), enabled=enabled, now=utcnow())


@pytest.mark.parametrize("path", sorted({path for _, path in ALL_ENDPOINTS}))
def test_the_operators_switch_turns_everything_off(house: House, path: str) -> None:
    tokens = house.tokens()
    switch(enabled=False)

    for method in METHODS:
        headers = {"X-AUTH-TOKEN": tokens.token}
        assert Client().generic(method, path, headers=headers).status_code == 404
    assert AppSession.objects.count() == 1
    assert not Command.objects.exists()


def test_off_means_that_nobody_signs_in_and_nothing_is_sent(house: House) -> None:
    switch(enabled=False)

    assert App().login(str(house.user.email)).status_code == 404
    assert App().order_code().status_code == 404
    assert not AppSession.objects.exists()
    assert not OutboundMessage.objects.exists()


def test_sessions_go_on_when_it_is_turned_on_again(house: House) -> None:
    app = house.app()
    switch(enabled=False)
    assert app.send("GET", "/userconf").status_code == 404
    switch(enabled=True)

    assert app.get("/userconf")["result"] == 0


@pytest.mark.parametrize(("method", "path"), ALL_ENDPOINTS)
def test_endpoints_take_no_other_method(house: House, method: str, path: str) -> None:
    del house
    taken = {m for m, p in ALL_ENDPOINTS if p == path} | {method}
    if path == "/userconf":
        taken.add("POST")
    for other in set(METHODS) - taken:
        assert Client().generic(other, path).status_code == 405


def test_endpoints_need_no_csrf_token_and_set_no_cookie(house: House) -> None:
    client = Client(enforce_csrf_checks=True)
    token = house.tokens().token
    form = {"mac": "x", "relay": "0"}

    response = client.post("/opendoor", form, headers={"X-AUTH-TOKEN": token})

    assert response.status_code == 200
    assert not response.cookies
