from __future__ import annotations

from datetime import UTC, datetime

import pytest

from portico.accounts.errors import LinkSpent
from portico.accounts.models import OneTimeLogin, User
from portico.accounts.services.one_time_logins import (
    LIFETIME,
    issue_one_time_login,
    redeem_one_time_login,
)
from portico.audit.models import AuditEntry
from tests.accounts.parallel import at_once
from tests.factories import make_user

pytestmark = pytest.mark.integration

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_a_link_signs_in_once() -> None:
    user = make_user()
    secret = issue_one_time_login(user=user, now=NOON)

    assert redeem_one_time_login(secret=secret, now=NOON) == user
    with pytest.raises(LinkSpent):
        redeem_one_time_login(secret=secret, now=NOON)
    assert AuditEntry.objects.filter(action="sign_in.one_time").count() == 1


@pytest.mark.django_db
def test_a_link_is_not_kept_in_plain() -> None:
    secret = issue_one_time_login(user=make_user(), now=NOON)

    assert OneTimeLogin.objects.get().digest != secret


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["late", "disabled", "unknown"])
def test_a_link_that_is_no_good_is_refused(way: str) -> None:
    user = make_user()
    secret = issue_one_time_login(user=user, now=NOON)
    if way == "disabled":
        user.is_active = False
        user.save()
    with pytest.raises(LinkSpent):
        redeem_one_time_login(
            secret="x" if way == "unknown" else secret,
            now=NOON + LIFETIME if way == "late" else NOON,
        )

    assert OneTimeLogin.objects.get().used_at is None


@pytest.mark.django_db(transaction=True)
def test_of_parallel_redemptions_one_wins() -> None:
    secret = issue_one_time_login(user=make_user(), now=NOON)

    results = at_once(lambda _: redeem_one_time_login(secret=secret, now=NOON), 4)

    assert sum(isinstance(result, User) for result in results) == 1
    assert sum(isinstance(result, LinkSpent) for result in results) == 3
