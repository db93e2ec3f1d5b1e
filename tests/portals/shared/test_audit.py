"""The audit log as companies read it."""

from __future__ import annotations

import csv
import io
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.audit.services import record
from portico.kernel.clock import utcnow
from portico.portals.shared.audit_words import ACTIONS, SUBJECTS
from portico.tenancy.enums import Role
from portico.tenancy.services.companies import offer_access
from portico.tenancy.services.portal_visits import grant_access
from tests.factories import (
    make_device,
    make_distributor,
    make_installer,
    make_operator,
    make_person,
    make_site,
    organization_of,
    run_jobs,
)
from tests.portals.conftest import client_of
from tests.portals.support import assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

URL = "/installer/setting/audit/"


def make_entry(
    actor: User,
    name: str,
    *,
    action: str = "site.registered",
    at: datetime | None = None,
) -> AuditEntry:
    """An entry in the log of the company of ``actor`` about something of ``name``."""
    company = organization_of(actor)
    subject = type(company)(pk=1, name=name)
    return record(
        actor=actor,
        action=action,
        subject=subject,
        organization_id=company.pk,
        after={"name": name},
        now=at or utcnow(),
    )


def rows_of(client: Client, url: str) -> list[list[str]]:
    """The rows of a CSV export, without their head."""
    answer = client.get(url)
    assert answer.status_code == 200
    text = b"".join(answer).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))[1:]


def names_of(client: Client, url: str) -> list[str]:
    answer = client.get(url, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    return [line.entry.object_name for line in answer.context["listing"].items]


@pytest.fixture
def ida(db: None) -> User:
    return make_installer("ida")


def test_entries_of_the_own_company_newest_first(ida: User) -> None:
    make_entry(make_installer(), "foreign")
    make_entry(ida, "older", at=utcnow() + timedelta(minutes=1))
    make_entry(ida, "newer", at=utcnow() + timedelta(minutes=2))
    assert names_of(client_of(ida), URL)[:2] == ["newer", "older"]
    assert "foreign" not in text_of(client_of(ida).get(URL))


def test_a_distributor_reads_his_own_and_those_below(db: None) -> None:
    dora = make_distributor("dora")
    below, beside = make_installer(distributor=dora), make_installer()
    for user, name in ((dora, "own"), (below, "below"), (beside, "beside")):
        make_entry(user, name, action="device.removed")
    url = "/distributor/setting/audit/?subject=device"
    assert names_of(client_of(dora), url) == ["below", "own"]


def test_the_operator_reads_everything(db: None) -> None:
    operator = make_operator()
    make_entry(make_installer(), "somewhere", action="device.removed")
    record(actor=None, action="device.seen", subject=operator, now=utcnow())
    client = client_of(operator)
    page = client.get("/operator/setting/audit/?subject=device")
    words = [(line.who, line.what) for line in page.context["listing"].items]
    assert words[0] == ("Portico itself", f"device seen: {operator}")
    assert words[1][1] == "deleted the device somewhere"


def test_those_who_do_not_answer_for_the_company_find_no_log(ida: User) -> None:
    sub = make_person(ida, Role.SUB_INSTALLER)
    assert client_of(sub.user).get(URL).status_code == 404
    assert "Audit log" not in text_of(client_of(sub.user).get("/installer/setting/"))


def test_filters_by_person_kind_and_day_in_the_viewers_zone(ida: User) -> None:
    ida.time_zone = "Pacific/Auckland"  # 13 hours ahead
    ida.save()
    other = make_person(ida, Role.SUB_INSTALLER).user
    make_entry(ida, "late", at=datetime(2026, 3, 1, 10, 59, tzinfo=UTC))
    make_entry(ida, "next", at=datetime(2026, 3, 1, 11, 0, tzinfo=UTC))
    make_entry(other, "his", at=datetime(2026, 3, 1, 11, 1, tzinfo=UTC))
    make_entry(ida, "dev", action="device.x", at=datetime(2026, 3, 1, 9, tzinfo=UTC))
    client = client_of(ida)
    day = "?from=2026-03-02&to=2026-03-02"
    assert names_of(client, f"{URL}{day}") == ["his", "next"]
    assert names_of(client, f"{URL}{day}&person={other.pk}") == ["his"]
    assert names_of(client, f"{URL}?to=2026-03-01") == ["late", "dev"]
    assert names_of(client, f"{URL}?to=2026-03-01&subject=device") == ["dev"]
    assert names_of(client, f"{URL}?q=LAT&to=2026-03-01") == ["late"]


@pytest.mark.parametrize(
    "query", ["?from=2026-02-31", "?subject=x'", "?person=0", "?page=99999999999"]
)
def test_nonsense_in_the_address_does_no_harm(ida: User, query: str) -> None:
    assert client_of(ida).get(f"{URL}{query}").status_code == 200


def test_before_and_after_stand_on_the_page(ida: User) -> None:
    record(
        actor=ida,
        action="organization.changed",
        subject=organization_of(ida),
        organization_id=organization_of(ida).pk,
        before={"name": "<b>Old"},
        after={"name": "New", "zone": "UTC"},
        now=utcnow(),
    )
    page = text_of(client_of(ida).get(URL))
    assert "<del>&lt;b&gt;Old</del> <ins>New</ins>" in page
    assert "<dt>zone</dt><dd><ins>UTC</ins></dd>" in page


def test_a_visitors_acts_are_marked(ida: User) -> None:
    company = organization_of(ida)
    dora = make_person_of_parent(ida)
    now = utcnow()
    offer_access(actor=dora, company=company, offered=True, now=now)
    grant_access(actor=ida, granted=True, now=now)
    visitor = client_of(dora)
    visitor.post(f"/distributor/companies/{company.pk}/enter/")
    site = make_site(ida)
    device = make_device(site, ida)
    run_jobs()
    address = f"/installer/devices/{device.mac}/delete/"
    assert visitor.post(address, {"typed": device.name}).status_code == 302
    assert visitor.get(URL).status_code == 404
    page = text_of(client_of(ida).get(f"{URL}?subject=device"))
    assert str(dora) in page
    assert f"as visitor of {company.name}" in page


def make_person_of_parent(installer: User) -> User:
    """Somebody of the distributor that ``installer`` buys from."""
    from tests.factories import make_member

    parent = organization_of(installer).parent
    assert parent is not None
    return make_member(parent, "dora")


def test_what_concerns_oneself_alone_is_in_the_companys_log(ida: User) -> None:
    client = client_of(ida)
    client.post("/installer/setting/notification/", {"act": "push"})
    page = client.get(f"{URL}?subject=account")
    words = [line.what for line in page.context["listing"].items]
    assert words == ["switched notifications by mail"]


def test_csv_holds_all_filtered_rows_and_no_formula(ida: User) -> None:
    for number in range(60):
        make_entry(ida, f"=cmd{number}", action="device.removed")
    rows = rows_of(client_of(ida), f"{URL}?subject=device&export=csv")
    assert len(rows) == 60
    assert rows[0][2] == "deleted the device =cmd59"
    assert rows[0][4] == "name:  → =cmd59"
    assert rows[0][1] == "ida"


def test_json_holds_the_same_as_data(ida: User) -> None:
    make_entry(ida, "Zoë", action="device.removed")
    answer = client_of(ida).get(f"{URL}?subject=device&export=json")
    assert answer["Content-Disposition"] == 'attachment; filename="audit.json"'
    (entry,) = json.loads(b"".join(answer))
    assert entry["object"] == "Zoë"
    assert entry["after"] == {"name": "Zoë"}
    nothing = client_of(ida).get(f"{URL}?from=2099-01-01&export=json")
    assert json.loads(b"".join(nothing)) == []


def test_the_page_costs_the_same_with_more_rows(ida: User) -> None:
    make_entry(ida, "one")

    def add_two() -> None:
        for company in (ida, ida):
            make_entry(company, uuid.uuid4().hex)

    assert_constant_queries(client_of(ida), URL, add_two)


def test_every_known_action_is_of_a_known_kind() -> None:
    assert {action.split(".")[0] for action in ACTIONS} == set(SUBJECTS)
    assert all("%(name)s" in str(w) or "%" not in str(w) for w in ACTIONS.values())


def test_columns_are_remembered_per_person(ida: User) -> None:
    client = client_of(ida)
    known = ["who", "company", "changes", "address"]
    answer = client.post(
        "/installer/lists/audit/columns/",
        {"known": known, "shown": ["who"], "back": f"{URL}?q=x"},
    )
    assert answer["Location"] == f"{URL}?q=x"
    make_entry(ida, "one")
    assert 'class="list hide-4 hide-5 hide-6"' in text_of(client.get(URL))
    boss = client_of(make_member_of(ida))
    assert 'class="list hide-4"' in text_of(boss.get(URL))


def make_member_of(installer: User) -> User:
    """A second person who answers for the company."""
    from tests.factories import make_member

    return make_member(organization_of(installer))


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/", "x", ""])
def test_the_way_back_leads_nowhere_else(ida: User, back: str) -> None:
    answer = client_of(ida).post("/installer/lists/audit/columns/", {"back": back})
    assert answer["Location"] == "/installer/"
