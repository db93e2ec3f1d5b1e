"""The Notification Center and the bell."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.kernel.clock import utcnow
from portico.notices.enums import Audience, NoticeKind
from portico.notices.models import Notice
from portico.tenancy.services.companies import offer_access
from portico.tenancy.services.portal_visits import grant_access
from tests.factories import (
    make_announcement,
    make_distributor,
    make_installer,
    make_notice,
    make_operator,
    organization_of,
)
from tests.portals.conftest import client_of
from tests.portals.support import HTMX, assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

URL = "/installer/notifications/"


@pytest.fixture
def ida(db: None) -> User:
    return make_installer("ida")


def test_an_empty_center_says_what_it_will_hold(ida: User) -> None:
    page = text_of(client_of(ida).get(URL))
    assert "Nothing of this kind has happened yet." in page
    assert "Notifications, none unread" in page


def test_the_bell_counts_and_stops_at_99(ida: User) -> None:
    client = client_of(ida)
    make_notice(ida)
    assert "Notifications, 1 unread" in text_of(client.get("/installer/"))
    company, now = organization_of(ida).pk, utcnow()
    Notice.objects.bulk_create(
        Notice(organization_id=company, kind="upgrade_finished", created_at=now)
        for _ in range(120)
    )
    bell = text_of(client.get(f"{URL}bell/", headers=HTMX))
    assert "99+" in bell
    assert "more than 99 unread" in bell


def test_a_part_of_a_page_does_not_count(ida: User) -> None:
    client = client_of(ida)
    with CaptureQueriesContext(connection) as captured:
        client.get("/installer/latest/")
    assert not [one for one in captured if "notices_notice" in one["sql"]]
    assert "Notifications," not in text_of(client.get("/installer/latest/"))


def test_filters_and_reading(ida: User) -> None:
    client = client_of(ida)
    first, second = make_notice(ida), make_notice(ida, NoticeKind.SERVICE_EXPIRES)
    answer = client.post(f"{URL}{first.pk}/read/")
    assert answer["Location"] == URL

    def shown(query: str) -> list[int]:
        page = client.get(f"{URL}{query}")
        return [line.notice.pk for line in page.context["listing"].items]

    assert shown("") == [second.pk, first.pk]
    assert shown("?q=nowhere") == []
    assert shown("?q=x") == [second.pk, first.pk]
    assert shown("?state=unread") == [second.pk]
    assert shown("?kind=upgrade_finished") == [first.pk]
    client.post(f"{URL}read/", {"newest": str(second.pk)})
    assert shown("?state=unread") == []
    assert "Notifications, none unread" in text_of(client.get(URL))


@pytest.mark.parametrize("newest", ["", "x", "-1", "9" * 40])
def test_nonsense_marks_no_more_than_there_is(ida: User, newest: str) -> None:
    answer = client_of(ida).post(f"{URL}read/", {"newest": newest})
    assert answer.status_code == 302


def test_a_foreign_notice_is_404_and_stays_unread(ida: User) -> None:
    other = make_installer()
    notice = make_notice(other)
    assert client_of(ida).post(f"{URL}{notice.pk}/read/").status_code == 404
    assert "Notifications, 1 unread" in text_of(client_of(other).get("/installer/"))


def test_entering_a_portal_tells_its_company(ida: User) -> None:
    company, now = organization_of(ida), utcnow()
    parent = company.parent
    assert parent is not None
    boss = parent.memberships.select_related("user").get().user
    offer_access(actor=boss, company=company, offered=True, now=now)
    grant_access(actor=ida, granted=True, now=now)
    visitor = client_of(boss)
    visitor.post(f"/distributor/companies/{company.pk}/enter/")
    (line,) = client_of(ida).get(URL).context["listing"].items
    assert line.title == f"{parent.name} has entered your portal"
    opened = client_of(ida).post(f"{URL}{line.notice.pk}/read/", {"more": "yes"})
    assert opened["Location"] == "/installer/setting/audit/"
    # The visitor has his own notices at home and sees no bell here.
    assert visitor.get(URL).status_code == 404
    assert 'data-live="notices.changed"' not in text_of(visitor.get("/installer/"))


def test_the_page_costs_the_same_with_more_rows(ida: User) -> None:
    make_notice(ida)

    def add_two() -> None:
        make_notice(ida)
        make_notice(ida)

    assert_constant_queries(client_of(ida), URL, add_two)


def test_the_operator_writes_lists_and_withdraws(db: None) -> None:
    operator, dora = make_operator(), make_distributor()
    client = client_of(operator)
    data = {"audience": "distributors", "title": "<b>News", "text": "Line\nline"}
    answer = client.post("/operator/announcements/new/", data)
    assert answer["Location"] == "/operator/announcements/"
    assert "&lt;b&gt;News" in text_of(client.get("/operator/announcements/"))
    assert "&lt;b&gt;News" in text_of(
        client_of(dora).get("/distributor/notifications/")
    )
    notice = Notice.objects.get()
    client.post(f"/operator/announcements/{notice.pk}/withdraw/")
    assert "News" not in text_of(client_of(dora).get("/distributor/notifications/"))
    assert "Withdrawn" in text_of(client.get("/operator/announcements/"))
    written = AuditEntry.objects.filter(action__startswith="announcement.")
    assert [one.action for one in written.order_by("pk")] == [
        "announcement.written",
        "announcement.withdrawn",
    ]


def test_an_announcement_needs_title_text_and_audience(db: None) -> None:
    client = client_of(make_operator())
    data = {"audience": "residents", "title": " ", "text": ""}
    page = text_of(client.post("/operator/announcements/new/", data))
    assert "Nothing was saved yet" in page
    assert not Notice.objects.exists()


def test_percent_signs_in_an_announcement_stand_as_written(ida: User) -> None:
    notice = make_announcement(make_operator(), Audience.INSTALLERS)
    Notice.objects.filter(pk=notice.pk).update(
        params={"title": "100 % %(x)s", "text": "5%d"}
    )
    page = text_of(client_of(ida).get(URL))
    assert "100 % %(x)s" in page
