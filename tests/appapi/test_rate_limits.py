from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.http import HttpResponse
from pytest_django import Settings

from portico.accounts.models import AppSession, PhoneCode, ThrottleWindow
from portico.kernel.clock import utcnow
from portico.mail.models import OutboundMessage
from tests.appapi.support import (
    App,
    House,
    app_password,
    content,
    mask_email,
    sent_code,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

EMAIL = "ada.b3@example.org"


def is_too_often(response: HttpResponse) -> bool:
    return (
        response.status_code == 429
        and json.loads(response.content) == {"error_msg": "Requesting too frequently"}
        and response["Retry-After"] == "60"
    )


def a_minute_later() -> None:
    for window in ThrottleWindow.objects.all():
        window.started_at -= timedelta(minutes=1)
        window.save()


def test_ten_sign_ins_a_minute_work(house: House) -> None:
    del house
    answers = [App().login(EMAIL) for _ in range(10)]

    assert [content(answer)["result"] for answer in answers] == [0] * 10
    assert is_too_often(App().login(EMAIL))
    assert AppSession.objects.count() == 10
    a_minute_later()
    assert content(App().login(EMAIL))["result"] == 0


def test_an_unknown_account_is_limited_alike(house: House) -> None:
    del house
    statuses = [App().login("nobody@example.org").status_code for _ in range(10)]

    assert statuses == [200] * 10
    assert is_too_often(App().login("nobody@example.org"))


def test_ten_wrong_passwords_close_the_account_for_a_minute(house: House) -> None:
    del house
    for _ in range(10):
        App().login(EMAIL, "wrong")

    assert is_too_often(App().login(EMAIL))
    assert not AppSession.objects.exists()


@pytest.mark.parametrize("email", [EMAIL, "nobody.b3@example.org"])
def test_other_maskings_of_an_account_are_counted_together(
    house: House, email: str
) -> None:
    del house
    forms = [
        mask_email(email, digits=False),
        mask_email(email, digits=True),
        mask_email(email, digits=False).upper(),
    ]
    for turn in range(10):
        query = {"user": forms[turn % 3], "passwd": app_password("wrong")}
        assert App().send("GET", "/login", query).status_code == 200

    for form in forms:
        query = {"user": form, "passwd": app_password()}
        assert is_too_often(App().send("GET", "/login", query))


def test_one_account_does_not_limit_another(house: House) -> None:
    del house
    House(email="bob@example.org", phone="7400123457")
    for _ in range(11):
        App().login("bob@example.org", "wrong")

    assert content(App().login(EMAIL))["result"] == 0


def test_an_address_that_tries_accounts_is_limited(house: House) -> None:
    del house
    for number in range(30):
        assert App().login(f"n{number}@example.org").status_code == 200
    rows = ThrottleWindow.objects.count()

    assert is_too_often(App().login("n31@example.org"))
    assert ThrottleWindow.objects.count() == rows  # a flood leaves nothing behind


@pytest.mark.parametrize("number", ["7400123456", "7400999999"])
def test_codes_to_a_number_are_limited_alike_with_and_without_account(
    house: House, number: str
) -> None:
    del house
    statuses = [App().order_code(number).status_code for _ in range(5)]

    assert statuses == [200] * 5
    assert is_too_often(App().order_code(number))
    assert OutboundMessage.objects.count() in {0, 5}


def test_the_code_limit_is_a_setting(house: House, settings: Settings) -> None:
    del house
    settings.APP_CODES_PER_HOUR = 1

    assert App().order_code().status_code == 200
    assert is_too_often(App().order_code())
    assert PhoneCode.objects.count() == 1


def test_codes_from_an_address_are_limited(house: House, settings: Settings) -> None:
    del house
    settings.APP_CODES_PER_HOUR = 1
    for number in range(10):
        assert App().order_code(f"740012345{number}").status_code == 200

    assert is_too_often(App().order_code("7400888888"))


def test_guesses_at_a_code_are_limited(house: House) -> None:
    del house
    App().order_code()
    for _ in range(10):
        assert App().sms_login("x").status_code == 200

    assert is_too_often(App().sms_login(sent_code()))


@pytest.mark.parametrize("zeros", [0, 1, 3])
def test_a_number_with_zeros_before_it_is_the_same_number(
    house: House, zeros: int
) -> None:
    """Masked zeros are threes; they may not buy tries."""
    del house
    for _ in range(10):
        App().sms_login("x")
    query = {"phone": "3" * zeros + "733456789", "code": "x", "area_code": "44"}

    assert is_too_often(App().send("GET", "/sms_login", query))


def test_throttle_rows_hold_no_names(house: House) -> None:
    del house
    App().login(EMAIL)
    App().order_code()

    keys = " ".join(ThrottleWindow.objects.values_list("key", flat=True))
    assert "ada" not in keys
    assert "740012" not in keys
    assert ThrottleWindow.objects.filter(started_at__lte=utcnow()).count() == 5
