"""Notices, from being written to being read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portico.accounts.models import User
from portico.kernel.clock import utcnow
from portico.mail.models import OutboundMessage
from portico.notices.enums import FOR_THOSE_WHO_ANSWER, IMPORTANT, Audience, NoticeKind
from portico.notices.models import Notice, NoticeRead
from portico.notices.selectors import COUNTED, Reader, notices_of, unread_count
from portico.notices.services.reading import mark_all_read, mark_read
from portico.notices.services.telling import announce, notify, purge_old, withdraw
from portico.notices.words import WORDS, words_of
from portico.tenancy.enums import Role
from portico.tenancy.selectors import reader_of
from tests.conftest import MemoryBus
from tests.factories import (
    NOTICE_PARAMS,
    make_announcement,
    make_distributor,
    make_installer,
    make_notice,
    make_operator,
    make_person,
    organization_of,
    run_jobs,
)

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


def reader(user: User) -> Reader:
    return reader_of(user.membership)


def kinds_for(user: User) -> list[str]:
    return [notice.kind for notice in notices_of(reader(user))]


def test_every_kind_has_words_and_parameters_are_checked() -> None:
    assert set(WORDS) == set(NoticeKind)
    for kind in NoticeKind:
        assert words_of(kind, NOTICE_PARAMS)[0]
    with pytest.raises(KeyError):
        notify(
            organization_id=1,
            kind=NoticeKind.CHARGE_FAILED,
            params={"what": "x"},
            now=utcnow(),
        )
    assert not Notice.objects.exists()


def test_a_company_is_told_and_no_other() -> None:
    ida, other = make_installer(), make_installer()
    make_notice(ida)
    assert kinds_for(ida) == ["upgrade_finished"]
    assert kinds_for(other) == []


def test_the_same_key_tells_once() -> None:
    ida = make_installer()
    company = organization_of(ida).pk
    told = [
        notify(
            organization_id=company,
            kind=NoticeKind.UPGRADE_FINISHED,
            params={"name": "a", "done": 1, "failed": 0},
            now=utcnow(),
            key="upgrade:1",
        )
        for _ in range(2)
    ]
    assert told[0] is not None
    assert told[1] is None
    assert len(kinds_for(ida)) == 1


def test_one_person_alone() -> None:
    ida = make_installer()
    sub = make_person(ida, Role.SUB_INSTALLER).user
    notify(
        organization_id=organization_of(ida).pk,
        user_id=sub.pk,
        kind=NoticeKind.UPGRADE_FINISHED,
        params=NOTICE_PARAMS,
        now=utcnow(),
    )
    assert kinds_for(ida) == []
    assert kinds_for(sub) == ["upgrade_finished"]


def test_company_matters_are_for_those_who_answer_for_it() -> None:
    ida = make_installer()
    sub = make_person(ida, Role.SUB_INSTALLER).user
    for kind in NoticeKind:
        make_notice(ida, kind)
    assert set(kinds_for(ida)) - set(kinds_for(sub)) == FOR_THOSE_WHO_ANSWER


def test_announcements_reach_their_audience() -> None:
    operator = make_operator()
    installer, distributor = make_installer(), make_distributor()
    for audience in Audience:
        make_announcement(operator, audience)
    found = {
        name: [notice.audience for notice in notices_of(reader(user))]
        for name, user in (
            ("installer", installer),
            ("distributor", distributor),
            ("operator", operator),
        )
    }
    assert found == {
        "installer": ["installers", "all"],
        "distributor": ["distributors", "all"],
        "operator": ["all"],
    }


def test_a_withdrawn_announcement_is_gone_once() -> None:
    operator, ida = make_operator(), make_installer()
    notice, own = make_announcement(operator), make_notice(ida)
    assert withdraw(actor=operator, notice_id=notice.pk, now=utcnow())
    assert not withdraw(actor=operator, notice_id=notice.pk, now=utcnow())
    assert not withdraw(actor=operator, notice_id=own.pk, now=utcnow())
    assert kinds_for(ida) == ["upgrade_finished"]


def test_who_comes_later_hears_nothing_of_before() -> None:
    ida = make_installer()
    notice = make_notice(ida)
    Notice.objects.filter(pk=notice.pk).update(
        created_at=ida.created_at - timedelta(seconds=1)
    )
    assert kinds_for(ida) == []


def test_reading_one_and_all() -> None:
    ida = make_installer()
    colleague = make_person(ida, Role.SUB_INSTALLER).user
    first, second, third = (make_notice(ida) for _ in range(3))
    assert unread_count(reader(ida)) == 3
    for _ in range(2):
        assert mark_read(reader=reader(ida), notice_id=second.pk)
    assert unread_count(reader(ida)) == 2
    mark_all_read(reader=reader(ida), up_to=second.pk)
    assert unread_count(reader(ida)) == 1
    assert not NoticeRead.objects.exists()
    mark_all_read(reader=reader(ida), up_to=first.pk)
    assert unread_count(reader(ida)) == 1
    mark_all_read(reader=reader(ida), up_to=third.pk + 1_000)
    make_notice(ida)
    assert unread_count(reader(ida)) == 1
    assert unread_count(reader(colleague)) == 4


def test_a_foreign_notice_cannot_be_read() -> None:
    ida, other = make_installer(), make_installer()
    notice = make_notice(other)
    assert not mark_read(reader=reader(ida), notice_id=notice.pk)
    mark_all_read(reader=reader(ida), up_to=notice.pk)
    assert unread_count(reader(other)) == 1


def test_the_count_is_one_query_and_stops_at_its_cap(
    django_assert_num_queries: pytest.FixtureRequest,
) -> None:
    ida = make_installer()
    company, now = organization_of(ida).pk, utcnow()
    Notice.objects.bulk_create(
        Notice(organization_id=company, kind="upgrade_finished", created_at=now)
        for _ in range(COUNTED + 5)
    )
    who = reader(ida)
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert unread_count(who) == COUNTED


def test_a_hint_names_the_company_once_it_is_durable(
    bus: MemoryBus, django_capture_on_commit_callbacks: pytest.FixtureRequest
) -> None:
    ida = make_installer()
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        make_notice(ida)
        assert not [s for s, _ in bus.published if s == "notices.changed"]
    told = [payload for s, payload in bus.published if s == "notices.changed"]
    assert told == [{"organization": organization_of(ida).pk}]


def test_important_ones_are_mailed_to_those_who_answer_and_want_it() -> None:
    ida = make_installer("ida")
    make_person(ida, Role.SUB_INSTALLER, "sub")
    make_notice(ida, NoticeKind.UPGRADE_FINISHED)
    run_jobs()
    assert not OutboundMessage.objects.exists()
    make_notice(ida, NoticeKind.CHARGE_FAILED)
    run_jobs()
    (mail,) = OutboundMessage.objects.all()
    assert (mail.recipient, mail.subject) == ("ida@example.com", "A charge failed: X")
    User.objects.filter(pk=ida.pk).update(notification_push=False)
    make_notice(ida, NoticeKind.SERVICE_EXPIRES)
    run_jobs()
    assert OutboundMessage.objects.count() == 1
    assert {
        NoticeKind.CHARGE_FAILED,
        NoticeKind.SERVICE_EXPIRES,
        NoticeKind.UPGRADE_STOPPED,
    } == IMPORTANT


def test_an_announcement_by_mail_reaches_its_audience_in_shares(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portico.tenancy.services.notice_mails._SHARE", 2)
    installers = [make_installer() for _ in range(5)]
    announce(
        actor=make_operator(),
        audience=Audience.INSTALLERS,
        title="News",
        text="Text",
        by_mail=True,
        now=utcnow(),
    )
    run_jobs()
    mails = OutboundMessage.objects.filter(subject="News")
    assert sorted(mails.values_list("recipient", flat=True)) == sorted(
        str(user.email) for user in installers
    )


def test_old_ones_are_purged() -> None:
    ida = make_installer()
    notice = make_notice(ida)
    purge_old(now=utcnow())
    assert Notice.objects.filter(pk=notice.pk).exists()
    purge_old(now=utcnow() + timedelta(days=366))
    assert not Notice.objects.exists()
