"""Codes, links and consents under parallel use: of many one wins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.hashers import check_password

from portico.accounts.enums import Audience, CodePurpose
from portico.accounts.errors import CodeRefused, LinkSpent, NoMailbox, TooManyTries
from portico.accounts.models import (
    EmailCode,
    PasswordLink,
    PolicyConsent,
    TrustedBrowser,
    User,
)
from portico.accounts.services import email_codes
from portico.accounts.services.email_codes import (
    CODE_LIFETIME,
    CODE_TRIES,
    check_sign_in_code,
    next_code_at,
    order_sign_in_code,
    spend_code,
    store_code,
)
from portico.accounts.services.password_links import (
    INVITE_LIFETIME,
    invite,
    issue_first_link,
    request_reset,
    set_password_by_link,
)
from portico.accounts.services.policy import accept_policy
from portico.accounts.services.portal_sessions import is_trusted, trust_browser
from portico.accounts.services.purge import purge_spent
from portico.audit.models import AuditEntry
from portico.mail.models import OutboundMessage
from tests.accounts.parallel import at_once
from tests.factories import make_user
from tests.mails import wrong

pytestmark = pytest.mark.integration

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
CODE = "012345"
NEW = "another fine battery"


@pytest.fixture
def user() -> User:
    return make_user("ada")


def stored(user: User, purpose: CodePurpose = CodePurpose.SIGN_IN) -> EmailCode:
    return store_code(
        user=user, purpose=purpose, email=str(user.email), code=CODE, now=NOON
    )


@pytest.mark.django_db(transaction=True)
def test_parallel_guesses_share_five_tries(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(user)
    looked: list[str] = []
    real = check_password

    def look(code: str, kept: str) -> bool:
        looked.append(code)
        return real(code, kept)

    monkeypatch.setattr(email_codes, "check_password", look)
    results = at_once(
        lambda _: check_sign_in_code(user=user, code=wrong(CODE), now=NOON), 12
    )
    assert {type(result) for result in results} == {CodeRefused}
    assert len(looked) == CODE_TRIES
    with pytest.raises(CodeRefused):
        check_sign_in_code(user=user, code=CODE, now=NOON)


@pytest.mark.django_db(transaction=True)
def test_of_parallel_uses_of_one_code_one_wins(user: User) -> None:
    stored(user)
    results = at_once(lambda _: check_sign_in_code(user=user, code=CODE, now=NOON), 4)
    assert results.count(None) == 1


@pytest.mark.django_db(transaction=True)
def test_of_parallel_uses_of_one_link_one_wins(user: User) -> None:
    secret = issue_first_link(user=user, now=NOON)
    results = at_once(
        lambda n: set_password_by_link(secret=secret, password=f"{NEW} {n}", now=NOON),
        4,
    )
    assert sum(isinstance(result, PasswordLink) for result in results) == 1
    assert sum(isinstance(result, LinkSpent) for result in results) == 3
    action = "account.password_changed"
    assert AuditEntry.objects.filter(action=action).count() == 1


@pytest.mark.django_db(transaction=True)
def test_agreeing_several_times_at_once_is_one_consent(user: User) -> None:
    results = at_once(lambda _: accept_policy(user=user, version="9", now=NOON), 4)
    assert results == [None] * 4
    assert PolicyConsent.objects.filter(version="9").count() == 1
    assert AuditEntry.objects.filter(action="policy.accepted").count() == 1


@pytest.mark.django_db
def test_a_code_is_good_for_its_purpose_only(user: User) -> None:
    stored(user, CodePurpose.CONFIRM)
    with pytest.raises(CodeRefused):
        check_sign_in_code(user=user, code=CODE, now=NOON)
    confirm = CodePurpose.CONFIRM
    row = spend_code(user=user, purpose=confirm, code=CODE, now=NOON)
    assert row.used_at is None
    assert EmailCode.objects.get().used_at == NOON


@pytest.mark.django_db
def test_a_code_lives_exactly_ten_minutes(user: User) -> None:
    stored(user)
    with pytest.raises(CodeRefused):
        check_sign_in_code(user=user, code=CODE, now=NOON + CODE_LIFETIME)
    last = NOON + CODE_LIFETIME - timedelta(seconds=1)
    check_sign_in_code(user=user, code=CODE, now=last)


@pytest.mark.django_db
def test_another_code_may_be_ordered_after_a_minute_or_when_one_is_used_up(
    user: User,
) -> None:
    row, purpose = stored(user), CodePurpose.SIGN_IN
    minute = NOON + timedelta(minutes=1)
    assert next_code_at(user=user, purpose=purpose, now=NOON) == minute
    assert next_code_at(user=user, purpose=purpose, now=minute) == minute
    row.tries_left = 0
    row.save()
    assert next_code_at(user=user, purpose=purpose, now=NOON) == NOON


@pytest.mark.django_db
def test_neither_codes_nor_secrets_are_kept_in_plain(user: User) -> None:
    stored(user)
    secret = trust_browser(user=user, agent="", now=NOON)
    assert CODE not in EmailCode.objects.get().code_hash
    assert TrustedBrowser.objects.get().digest != secret
    assert is_trusted(user=user, secret=secret, now=NOON)
    assert not is_trusted(user=user, secret="", now=NOON)
    assert not is_trusted(user=make_user(), secret=secret, now=NOON)


@pytest.mark.django_db
def test_who_has_no_mailbox_gets_neither_code_nor_invitation(user: User) -> None:
    User.objects.filter(pk=user.pk).update(email=None, password="!")
    user.refresh_from_db()
    with pytest.raises(NoMailbox):
        order_sign_in_code(user=user, now=NOON)
    with pytest.raises(NoMailbox):
        invite(actor=None, user=user, now=NOON)
    assert not OutboundMessage.objects.exists()


@pytest.mark.django_db
def test_resets_are_limited_per_name_in_any_case_of_letters() -> None:
    for name in ("ada", "ADA", " ada ", "Ada", "aDa"):
        request_reset(name=name, audience=Audience.STAFF, now=NOON)
    with pytest.raises(TooManyTries):
        request_reset(name="ada", audience=Audience.STAFF, now=NOON)
    request_reset(name="bob", audience=Audience.STAFF, now=NOON)


@pytest.mark.django_db
def test_what_is_spent_leaves_the_database(user: User) -> None:
    stored(user)
    issue_first_link(user=user, now=NOON)
    trust_browser(user=user, agent="", now=NOON)
    purge_spent(now=NOON + timedelta(days=1))
    assert EmailCode.objects.exists()
    purge_spent(now=NOON + INVITE_LIFETIME + timedelta(days=1))
    assert not EmailCode.objects.exists()
    assert not PasswordLink.objects.exists()
    assert TrustedBrowser.objects.exists()
    purge_spent(now=NOON + timedelta(days=38))
    assert not TrustedBrowser.objects.exists()
