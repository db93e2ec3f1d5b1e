from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portico.accounts.errors import TooManyTries
from portico.accounts.models import ThrottleWindow
from portico.accounts.services.throttle import spend
from tests.accounts.parallel import at_once

pytestmark = pytest.mark.integration

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def try_at(moment: datetime, *, key: str = "ada", limit: int = 3) -> None:
    spend(what="sign-in", key=key, limit=limit, per=MINUTE, now=moment)


@pytest.mark.django_db
def test_as_many_tries_as_allowed_pass() -> None:
    for _ in range(3):
        try_at(NOON)
    with pytest.raises(TooManyTries):
        try_at(NOON + MINUTE - timedelta(microseconds=1))

    assert ThrottleWindow.objects.get().count == 3


@pytest.mark.django_db
def test_a_new_window_starts_after_the_old_one() -> None:
    for _ in range(3):
        try_at(NOON)
    try_at(NOON + MINUTE)

    window = ThrottleWindow.objects.get()
    assert (window.count, window.started_at) == (1, NOON + MINUTE)


@pytest.mark.django_db
def test_refused_tries_do_not_prolong_the_wait() -> None:
    for _ in range(3):
        try_at(NOON)
    for second in range(50):
        with pytest.raises(TooManyTries):
            try_at(NOON + timedelta(seconds=second))

    try_at(NOON + MINUTE)


@pytest.mark.django_db
def test_keys_and_purposes_are_counted_apart() -> None:
    try_at(NOON, limit=1)
    try_at(NOON, key="bob", limit=1)
    spend(what="code", key="ada", limit=1, per=MINUTE, now=NOON)

    assert ThrottleWindow.objects.count() == 3
    assert not ThrottleWindow.objects.filter(key__contains="ada").exists()


@pytest.mark.django_db(transaction=True)
def test_parallel_tries_share_the_limit() -> None:
    results = at_once(lambda _number: try_at(NOON, limit=3), 8)

    refused = [result for result in results if result is not None]
    assert len(refused) == 5
    assert {type(error) for error in refused} == {TooManyTries}
    assert ThrottleWindow.objects.get().count == 3


@pytest.mark.django_db(transaction=True)
def test_two_first_tries_at_one_moment_both_pass() -> None:
    assert at_once(lambda _number: try_at(NOON, limit=2), 2) == [None, None]
