"""The operator's prices and grants, and what a house's people see of them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.kernel.clock import utcnow
from portico.sites.enums import Feature, ServiceState
from portico.sites.models import Site
from portico.sites.rules import service
from portico.sites.selectors import price_list
from tests.factories import (
    make_community,
    make_distributor,
    make_family_member,
    make_operator,
    make_site,
    set_prices,
)
from tests.portals.conftest import client_of
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

FREE = {"app": "0", "additional_app": "0", "premium": "0", "video": "0"}


@pytest.fixture
def desk(db: None) -> Client:
    return client_of(make_operator("otto"))


def test_prices_are_exact_in_every_currency(desk: Client) -> None:
    form = FREE | {"currency": "EUR", "premium": "4.99", "additional_app": "1.5"}
    assert desk.post("/operator/prices/", form).status_code == 302
    assert (price_list().premium, price_list().additional_app) == (499, 150)
    page = text_of(desk.get("/operator/prices/"))
    assert 'value="4.99"' in page
    form = FREE | {"currency": "JPY", "premium": "500"}
    assert desk.post("/operator/prices/", form).status_code == 302
    assert (price_list().premium, price_list().currency) == (500, "JPY")
    form = FREE | {"currency": "KWD", "premium": "1.125"}
    assert desk.post("/operator/prices/", form).status_code == 302
    assert price_list().premium == 1125
    assert AuditEntry.objects.filter(action="platform.prices_set").count() == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"premium": "1.999"}, "premium"),
        ({"premium": "-1"}, "premium"),
        ({"premium": "much"}, "premium"),
        ({"premium": "NaN"}, "premium"),
        ({"app": "1e9"}, "app"),
        ({"currency": "XYZ1"}, "currency"),
        ({"currency": "JPY", "video": "0.5"}, "video"),
    ],
)
def test_bad_prices_are_refused_at_their_field(
    desk: Client, change: dict[str, str], field: str
) -> None:
    form = FREE | {"currency": "EUR"} | change
    page = text_of(desk.post("/operator/prices/", form))
    assert f'id="id_{field}_error"' in page
    assert not AuditEntry.objects.filter(action="platform.prices_set").exists()


def key_of(page: str) -> str:
    found = re.search(r'name="key" value="([^"]+)"', page)
    assert found
    return found[1]


def test_the_operator_grants_extends_and_ends_a_service(
    desk: Client, installer: User
) -> None:
    set_prices(app=100)
    site = make_site(installer)
    url = f"/operator/sites/{site.pk}/services/"
    assert f'href="{url}"' in text_of(desk.get("/operator/sites/"))
    assert ">Inactive<" in text_of(desk.get(url)).split("App</strong>")[1]
    grant = f"{url}app/grant/"
    key = key_of(text_of(desk.get(grant)))
    for _ in range(2):  # a second click is the same grant
        assert desk.post(grant, {"months": "2", "key": key}).status_code == 302
    now = utcnow()
    held = service(site.entitlements.all(), Feature.APP, now)
    assert held.state == ServiceState.ACTIVE
    assert held.ends_at is not None
    assert timedelta(days=58) < held.ends_at - now < timedelta(days=63)
    another = key_of(text_of(desk.get(grant)))
    assert another != key
    assert desk.post(grant, {"months": "", "key": another}).status_code == 302
    assert service(site.entitlements.all(), Feature.APP, utcnow()).ends_at is None
    page = text_of(desk.post(grant, {"months": "61", "key": "x"}))
    assert 'id="id_months_error"' in page
    end = f"{url}app/end/"
    assert "ends at once" in text_of(desk.get(end))
    assert desk.post(end).status_code == 302
    state = service(site.entitlements.all(), Feature.APP, utcnow()).state
    assert state == ServiceState.EXPIRED
    actions = AuditEntry.objects.filter(site_id=site.pk).values_list(
        "action", flat=True
    )
    assert list(actions).count("service.granted") == 2
    assert list(actions).count("service.ended") == 1


def test_an_additional_app_is_granted_to_one_person(
    desk: Client, installer: User, site: Site
) -> None:
    set_prices(additional_app=100)
    members = [make_family_member(site, installer) for _ in range(4)]
    url = f"/operator/sites/{site.pk}/services/"
    page = text_of(desk.get(url))
    assert page.count(">Free<") == 3
    grant = f"{url}additional_app/grant/?person={members[3].pk}"
    assert grant.replace("&", "&amp;") in page
    key = key_of(text_of(desk.get(grant)))
    assert desk.post(grant, {"months": "1", "key": key}).status_code == 302
    entitlement = members[3].entitlements.get()
    assert entitlement.feature == Feature.ADDITIONAL_APP
    foreign = make_family_member(make_site(installer), installer)
    for wrong in ("", f"?person={foreign.pk}", "?person=x"):
        assert desk.get(f"{url}additional_app/grant/{wrong}").status_code == 404
    assert desk.get(f"{url}nonsense/grant/").status_code == 404


def test_nobody_but_the_operator_grants(
    installer: User, site: Site, browser: Client
) -> None:
    url = f"/operator/sites/{site.pk}/services/"
    distributor = client_of(make_distributor())
    for client in (browser, distributor):
        for tail in ("", "app/grant/", "app/end/"):
            assert client.get(url + tail).status_code == 404
            assert client.post(url + tail).status_code == 404


def test_a_community_has_no_services(desk: Client, installer: User) -> None:
    park = make_community(installer)
    assert desk.get(f"/operator/sites/{park.pk}/services/").status_code == 404


def test_the_list_of_houses_shows_when_services_end(
    browser: Client, installer: User
) -> None:
    set_prices(app=100, premium=100)
    make_site(installer, "Plain")
    make_site(installer, "Fine", premium_plan=True)
    page = text_of(browser.get("/installer/sites/?sort=name"))
    fine, plain = (
        part.split("</tr>")[0] for part in page.split("<tbody")[1].split("<tr>")[1:3]
    )
    assert fine.count(">Inactive<") == 2
    assert plain.count(">Inactive<") == 1
    file = text_of(browser.get("/installer/sites/?format=csv"))
    assert "Premium until" in file
