"""The Integration module and a house's locks (DEV-6)."""

from __future__ import annotations

import html
from collections.abc import Iterator

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.kernel.clock import utcnow
from portico.locks.models import Lock, LockAccount, LockCommand
from portico.sites.models import Site
from portico.tenancy.enums import Role
from tests.factories import make_installer, make_person, make_site, run_jobs
from tests.factories.locks import make_lock, make_lock_account
from tests.integrations.server import FRONT, FakeSalto, salto_locks, serving
from tests.portals.conftest import client_of
from tests.portals.support import HTMX, assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
HOME = "/installer/integration/"


@pytest.fixture
def salto() -> Iterator[FakeSalto]:
    fake = FakeSalto(locks=salto_locks())
    with serving(fake):
        yield fake


def page(browser: Client, url: str) -> str:
    return html.unescape(text_of(browser.get(url)))


def test_account_is_added_checked_and_its_lock_opens_a_house(
    browser: Client, salto: FakeSalto, site: Site
) -> None:
    assert "Dormakaba" in page(browser, HOME)
    sent = {"name": "Our Salto"} | salto.values
    answer = browser.post(f"{HOME}salto/new/", sent)
    account = LockAccount.objects.get()
    there = f"{HOME}accounts/{account.pk}/"
    assert answer["Location"] == there
    assert "Being checked" not in page(browser, HOME).split("Our Salto")[0]
    assert "The vendor is being asked." in page(browser, there)
    run_jobs()
    shown = text_of(browser.get(there, headers=HTMX))
    assert "Connected" not in page(browser, HOME).split("Our Salto")[0]
    assert "Gate" in shown
    assert "Low" in shown
    assert "s3cret" not in page(browser, f"{there}edit/")

    lock = Lock.objects.get(vendor_id=FRONT)
    assign = f"{HOME}locks/{lock.pk}/assign/"
    assert site.room_name in page(browser, f"{assign}?q=Ryan")
    assert "No house matches." in page(browser, f"{assign}?q=nobody")
    browser.post(assign, {"site": str(site.pk)})
    locks = f"/installer/sites/{site.pk}/locks/"
    assert "Gate" in page(browser, locks)

    key = {"key": "k1"}
    answer = browser.post(f"{locks}{lock.pk}/open/", key, headers=HTMX)
    assert "requested" in text_of(answer)
    browser.post(f"{locks}{lock.pk}/open/", key, headers=HTMX)
    run_jobs()
    assert salto.opened == [FRONT]
    command = LockCommand.objects.get()
    life = f"/installer/openings/{command.pk}/"
    assert "accepted by the vendor" in page(browser, life)
    assert browser.get(f"{life}?shown=acknowledged").status_code == 204
    log = page(browser, f"/installer/sites/{site.pk}/log/")
    assert "Gate · Salto" in log

    browser.post(f"{HOME}locks/{lock.pk}/unassign/")
    page(browser, locks)  # tells of it once
    assert "Gate" not in page(browser, locks)
    assert browser.post(f"{locks}{lock.pk}/open/").status_code == 404
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"lock_account.added", "lock.assigned", "lock.unassigned"} <= actions


def test_free_lock_is_given_from_the_house(
    browser: Client, installer: User, site: Site
) -> None:
    lock = make_lock(make_lock_account(installer))
    new = f"/installer/sites/{site.pk}/locks/new/"
    assert "Gate" in page(browser, new)
    browser.post(new, {"lock": str(lock.pk)})
    lock.refresh_from_db()
    assert lock.site == site
    browser.post(new, {"lock": str(lock.pk)})
    assert "assigned to a house already" in page(browser, new)
    for odd in ("", "x", "9" * 30, "0"):
        assert browser.post(new, {"lock": odd}).status_code == 404


def test_refused_credentials_are_told(
    browser: Client, installer: User, salto: FakeSalto
) -> None:
    account = make_lock_account(installer, salto.values | {"password": "no"})
    run_jobs()
    there = f"{HOME}accounts/{account.pk}/"
    assert "The vendor refuses the credentials." in page(browser, there)
    sent = {"name": "Renamed"} | salto.values
    assert browser.post(f"{there}edit/", sent)["Location"] == there
    run_jobs()
    assert "Connected" in page(browser, there)


def test_form_asks_for_every_field_and_a_good_address(browser: Client) -> None:
    sent = {"name": "X", "site_id": "s", "api_key": "k", "api_secret": "s"}
    new = f"{HOME}dormakaba/new/"
    bad = browser.post(new, sent | {"api_url": "http://10.0.0.1"})
    assert "has to begin with https://" in text_of(bad)
    assert browser.post(new, {"name": "X"}).status_code == 200
    assert not LockAccount.objects.exists()
    assert browser.get(f"{HOME}acme/new/").status_code == 404


def test_account_is_deleted_by_its_typed_name(
    browser: Client, installer: User, site: Site
) -> None:
    account = make_lock_account(installer)
    make_lock(account, site)
    delete = f"{HOME}accounts/{account.pk}/delete/"
    browser.post(delete, {"typed": "other"})
    assert LockAccount.objects.exists()
    browser.post(delete, {"typed": account.name})
    assert not Lock.objects.exists()
    assert AuditEntry.objects.filter(action="lock_account.removed").exists()


def test_sub_installer_opens_in_his_houses_and_manages_nothing(
    installer: User, site: Site
) -> None:
    other = make_site(installer, "Else")
    account = make_lock_account(installer)
    mine, theirs = make_lock(account, site), make_lock(account, other)
    sub = make_person(installer, Role.SUB_INSTALLER)
    site.assignments.create(user=sub.user, assigned_at=utcnow())
    browser = client_of(sub.user)
    here = f"/installer/sites/{site.pk}/locks/"
    assert "Gate" in page(browser, here)
    assert browser.post(f"{here}{mine.pk}/open/").status_code == 302
    there = f"/installer/sites/{other.pk}/locks/{theirs.pk}/open/"
    assert browser.post(there).status_code == 404
    assert browser.post(f"{here}{theirs.pk}/open/").status_code == 404
    assert "Our locks" not in page(browser, HOME)
    assert browser.get(f"{HOME}accounts/{account.pk}/").status_code == 404
    assert browser.get(f"{here}new/").status_code == 404
    assert LockCommand.objects.count() == 1


def test_lock_goes_to_no_foreign_house(browser: Client, installer: User) -> None:
    lock = make_lock(make_lock_account(installer))
    stranger = make_site(make_installer("eve"), "Strange")
    assign = f"{HOME}locks/{lock.pk}/assign/"
    assert browser.post(assign, {"site": str(stranger.pk)}).status_code == 404
    assert "Strange" not in page(browser, assign)
    lock.refresh_from_db()
    assert lock.site is None


def test_pages_cost_the_same_with_more_locks(
    browser: Client, installer: User, site: Site
) -> None:
    account = make_lock_account(installer)
    make_lock(account, site)

    def add_two() -> None:
        make_lock(account, site)
        make_lock(account, site)

    for url in (
        f"{HOME}accounts/{account.pk}/",
        f"/installer/sites/{site.pk}/locks/",
    ):
        Lock.objects.exclude(pk=Lock.objects.order_by("pk")[0].pk).delete()
        assert_constant_queries(browser, url, add_two)
