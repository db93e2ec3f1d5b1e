from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.hashers import check_password

from portico.accounts.errors import SignInRefused, TooManyTries
from portico.accounts.models import AppSession, PhoneCode, User
from portico.accounts.services import app_sessions, profile
from portico.accounts.services.app_sessions import (
    CODE_TRIES,
    REFRESH_LIFETIME,
    TOKEN_LIFETIME,
    TOUCH_EVERY,
    AppTokens,
    keep_alive,
    open_session,
    opened_by,
    order_phone_code,
    refresh_session,
    revoke_session,
    revoke_sessions,
    session_by_auth_token,
    sign_in_with_code,
    sign_in_with_digest,
)
from portico.accounts.services.passwords import app_digest
from portico.kernel.context import Origin, origin
from portico.mail.models import OutboundMessage
from tests.accounts.parallel import at_once
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.integration

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PHONE = "+447400123456"


@pytest.fixture
def user() -> User:
    ada = make_user("ada")
    ada.phone = PHONE
    ada.save()
    return ada


def opened(user: User, at: datetime = NOON) -> AppTokens:
    return open_session(user=user, client="test", now=at)


def session_for(token: str, at: datetime) -> AppSession | None:
    """The session that ``token`` opens, used at ``at``."""
    session = AppSession.objects.filter(opened_by(token=token, now=at)).first()
    if session is not None:
        keep_alive(token=token, used_at=session.last_used_at, now=at)
    return session


def known(tokens: AppTokens, at: datetime) -> bool:
    return session_for(tokens.token, at) is not None


def code_of(user: User) -> str:
    order_phone_code(phone=str(user.phone), now=NOON)
    message = OutboundMessage.objects.order_by("-pk").first()
    assert message is not None
    return next(word for word in message.body.split() if word.isdigit())


def sign_in(user: User, code: str) -> AppTokens:
    _, tokens = sign_in_with_code(
        users=[user], names=["ada"], code=code, client="test", now=NOON
    )
    return tokens


@pytest.mark.django_db
def test_a_session_notes_where_it_came_from(user: User) -> None:
    token = origin.set(Origin("192.0.2.7", "0" * 16))
    try:
        opened(user)
    finally:
        origin.reset(token)

    session = AppSession.objects.get()
    assert (session.address, session.client) == ("192.0.2.7", "test")
    assert session.expires_at == NOON + TOKEN_LIFETIME
    assert session.refresh_until == NOON + REFRESH_LIFETIME


@pytest.mark.django_db
def test_a_session_lives_seven_days_from_its_last_use(user: User) -> None:
    tokens = opened(user)
    assert known(tokens, NOON + TOKEN_LIFETIME - SECOND)

    assert known(tokens, NOON + 2 * TOKEN_LIFETIME - 2 * SECOND)
    assert not known(tokens, NOON + 3 * TOKEN_LIFETIME)


@pytest.mark.django_db
def test_a_session_is_written_to_rarely(user: User) -> None:
    tokens = opened(user)
    assert known(tokens, NOON + TOUCH_EVERY)
    assert AppSession.objects.get().last_used_at == NOON

    assert known(tokens, NOON + TOUCH_EVERY + SECOND)
    assert AppSession.objects.get().last_used_at == NOON + TOUCH_EVERY + SECOND


@pytest.mark.django_db
@pytest.mark.parametrize("which", ["auth_token", "refresh_token"])
def test_only_the_token_is_a_token(user: User, which: str) -> None:
    tokens = opened(user)

    assert session_for(getattr(tokens, which), NOON) is None


@pytest.mark.django_db
def test_the_auth_token_outlives_the_token(user: User) -> None:
    tokens = opened(user)

    def found(at: datetime) -> AppSession | None:
        return session_by_auth_token(auth_token=tokens.auth_token, now=at)

    assert found(NOON + TOKEN_LIFETIME) is not None
    assert found(NOON + REFRESH_LIFETIME) is None
    revoke_session(session=AppSession.objects.get(), now=NOON)
    assert found(NOON) is None


@pytest.mark.django_db
def test_revoking_one_session_leaves_the_others(user: User) -> None:
    first, second = opened(user), opened(user)
    session = session_for(first.token, NOON)
    assert session is not None
    revoke_session(session=session, now=NOON)

    assert not known(first, NOON)
    assert known(second, NOON)


@pytest.mark.django_db
def test_revoking_all_sessions_leaves_other_people(user: User) -> None:
    other = opened(make_user("bob"))
    opened(user)
    opened(user)

    assert revoke_sessions(user=user, now=NOON) == 2
    assert revoke_sessions(user=user, now=NOON) == 0
    assert known(other, NOON)


@pytest.mark.django_db
def test_a_new_password_ends_all_app_sessions(user: User) -> None:
    tokens = opened(user)
    profile.change_password(
        user=user, current=PASSWORD, new="another fine battery", now=NOON
    )

    assert not known(tokens, NOON)
    with pytest.raises(SignInRefused):
        refresh_session(refresh_token=tokens.refresh_token, now=NOON)
    with pytest.raises(SignInRefused):
        sign_in_with_digest(
            user=user, names=["ada"], digest=app_digest(PASSWORD), client="", now=NOON
        )


@pytest.mark.django_db
def test_refresh_is_refused_at_the_end_of_its_time(user: User) -> None:
    tokens = opened(user)
    with pytest.raises(SignInRefused):
        refresh_session(refresh_token=tokens.refresh_token, now=NOON + REFRESH_LIFETIME)

    late = NOON + REFRESH_LIFETIME - SECOND
    renewed = refresh_session(refresh_token=tokens.refresh_token, now=late)
    assert known(renewed, late)
    assert AppSession.objects.get().refresh_until == late + REFRESH_LIFETIME


@pytest.mark.django_db
def test_a_spent_refresh_token_harms_nobody(user: User) -> None:
    tokens = opened(user)
    renewed = refresh_session(refresh_token=tokens.refresh_token, now=NOON)
    with pytest.raises(SignInRefused):
        refresh_session(refresh_token=tokens.refresh_token, now=NOON)

    assert known(renewed, NOON)


@pytest.mark.django_db(transaction=True)
def test_of_parallel_refreshes_one_wins(user: User) -> None:
    tokens = opened(user)
    results = at_once(
        lambda _: refresh_session(refresh_token=tokens.refresh_token, now=NOON), 4
    )

    won = [result for result in results if isinstance(result, AppTokens)]
    assert len(won) == 1
    assert sum(isinstance(result, SignInRefused) for result in results) == 3
    assert known(won[0], NOON)


@pytest.mark.django_db(transaction=True)
def test_parallel_guesses_share_five_tries(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_sessions, "spend", lambda **_: None)
    code = code_of(user)
    wrong = "000000" if code != "000000" else "111111"
    checked: list[str] = []
    real = check_password

    def check(given: str, kept: str) -> bool:
        checked.append(given)
        return real(given, kept)

    monkeypatch.setattr(app_sessions, "check_password", check)

    results = at_once(lambda _: sign_in(user, wrong), 12)

    assert {type(result) for result in results} == {SignInRefused}
    assert len(checked) == CODE_TRIES
    assert PhoneCode.objects.get().tries_left == 0
    with pytest.raises(SignInRefused):
        sign_in(user, code)


@pytest.mark.django_db(transaction=True)
def test_of_parallel_sign_ins_with_one_code_one_wins(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_sessions, "spend", lambda **_: None)
    code = code_of(user)

    results = at_once(lambda _: sign_in(user, code), 4)

    assert sum(isinstance(result, AppTokens) for result in results) == 1
    assert AppSession.objects.count() == 1


@pytest.mark.django_db
def test_a_code_is_each_users_own(user: User) -> None:
    other = make_user("bob")
    code = code_of(user)
    with pytest.raises(SignInRefused):
        sign_in(other, code)

    signed_in, _ = sign_in_with_code(
        users=[other, user], names=["x"], code=code, client="", now=NOON
    )
    assert signed_in == user


@pytest.mark.django_db
def test_no_code_is_sent_to_a_disabled_account(user: User) -> None:
    user.is_active = False
    user.save()
    order_phone_code(phone=PHONE, now=NOON)

    assert not OutboundMessage.objects.exists()
    assert not PhoneCode.objects.exists()


@pytest.mark.django_db
def test_a_disabled_account_signs_in_with_nothing(user: User) -> None:
    code = code_of(user)
    user.is_active = False
    user.save()
    with pytest.raises(SignInRefused):
        sign_in(user, code)
    with pytest.raises(SignInRefused):
        sign_in_with_digest(
            user=user, names=["ada"], digest=app_digest(PASSWORD), client="", now=NOON
        )

    assert not AppSession.objects.exists()


@pytest.mark.django_db
def test_every_name_that_was_meant_is_counted(user: User) -> None:
    del user

    def guess(*names: str) -> None:
        with pytest.raises(SignInRefused):
            sign_in_with_digest(user=None, names=names, digest="x", client="", now=NOON)

    for turn in range(10):
        guess(*(("a", "b") if turn % 2 else ("b", "c")))
    guess("a")
    with pytest.raises(TooManyTries):
        sign_in_with_digest(user=None, names=["b"], digest="", client="", now=NOON)
