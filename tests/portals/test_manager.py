"""The property managers' portal: his communities, by the switches, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.models import Command, Device
from portico.events.models import LogEntry, Visit
from portico.notices.enums import Audience
from portico.sites.models import ManagedCommunity, Site
from tests.factories import (
    JPEG,
    make_announcement,
    make_bridge,
    make_community,
    make_device,
    make_event,
    make_manager,
    make_notice,
    make_operator,
    make_picture,
    make_seen,
    make_site,
    run_jobs,
)
from tests.portals.conftest import client_of
from tests.portals.support import HTMX, assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@dataclass(frozen=True)
class Estate:
    """A community with a device that has a log and a picture, and its manager."""

    site: Site
    device: Device
    manager: User
    his: Client

    @property
    def page(self) -> str:
        return f"/manager/communities/{self.site.pk}/"

    @property
    def device_page(self) -> str:
        return f"/manager/devices/{self.device.mac}/"

    def switch(self, **rights: bool) -> None:
        ManagedCommunity.objects.update(**rights)


@pytest.fixture
def estate(installer: User) -> Estate:
    site = make_community(installer, "Parkhof", address="Parkallee 1")
    device = make_device(site, installer, name="Main gate")
    make_bridge(site, installer)
    make_seen(device)
    make_picture(device, installer)
    make_event(device, "face_granted", user="Mia")
    manager = make_manager(installer, site, username="petra")
    return Estate(site, device, manager, client_of(manager))


def test_after_sign_in_he_is_in_his_portal(estate: Estate) -> None:
    assert estate.his.get("/").headers["Location"] == "/manager/"
    page = text_of(estate.his.get("/manager/"))
    assert "Parkhof" in page
    assert "Parkallee 1" in page
    assert "1 of 1 online" in page
    hrefs = set(re.findall(r'href="(/(?:installer|manager)/[a-z-]*/?)', page))
    assert not [href for href in hrefs if href.startswith("/installer/")]
    column = page.split('<nav class="column"')[1].split("</nav>")[0]
    assert re.findall(r'href="(/manager/[^"]*)"', column) == [
        "/manager/",
        "/manager/setting/",
        "/manager/notifications/",
        "/manager/privacy/",
    ]


def test_the_gates_hold_him_and_ask_for_no_provider(estate: Estate) -> None:
    User.objects.filter(pk=estate.manager.pk).update(policy_version="")
    assert estate.his.get("/manager/").headers["Location"] == "/welcome/privacy/"
    answer = estate.his.post("/welcome/privacy/", {"decision": "agree"})
    assert answer.headers["Location"] == "/manager/"
    privacy = text_of(estate.his.get("/manager/privacy/"))
    assert "Service Provider Information" not in privacy


def test_a_house_is_never_his(estate: Estate, installer: User, site: Site) -> None:
    device = make_device(site, installer)
    make_event(device, "motion")
    # Even a row that should not be there shows him no house.
    rows = ManagedCommunity.objects
    rows.create(site=site, user=estate.manager, assigned_at=site.created_at)
    visit = Visit.objects.get(site=site)
    assert site.name not in text_of(estate.his.get("/manager/"))
    for path in (
        f"communities/{site.pk}/",
        f"communities/{site.pk}/devices/",
        f"communities/{site.pk}/log/",
        f"devices/{device.mac}/",
        f"devices/{device.mac}/picture/newest.jpg",
        f"log/{visit.pk}/",
        f"log/{visit.pk}/whole/",
    ):
        assert estate.his.get(f"/manager/{path}").status_code == 404


def test_devices_with_their_presence(estate: Estate, installer: User) -> None:
    make_device(estate.site, installer, name="Back gate")
    page = text_of(estate.his.get(f"{estate.page}devices/"))
    assert "Main gate" in page
    assert "Never seen" in page
    assert "1 of 2 devices online" in page
    assert f'data-live-stream="/live/site/{estate.site.pk}"' in page
    part = text_of(estate.his.get(f"{estate.page}devices/", headers=HTMX))
    assert "Back gate" in part
    assert "<html" not in part
    own = page.split("<main")[1].split("</main")[0]
    assert not re.search("edit|delete|open a door|<form", own, flags=re.IGNORECASE)

    one = text_of(estate.his.get(estate.device_page))
    assert estate.device.pretty_mac in one
    assert "<form" not in one.split("<main")[1].split("</main")[0]
    head = text_of(estate.his.get(f"{estate.device_page}head/"))
    assert "Online" in head


def test_the_log_is_live_searched_and_exported(estate: Estate) -> None:
    url = f"{estate.page}log/"
    page = text_of(estate.his.get(url))
    assert "Mia · face" in page
    entry = LogEntry.objects.get()
    assert f'hx-get="/manager/log/{entry.visit_id}/"' in page
    assert "Mia" in text_of(estate.his.get(f"/manager/log/{entry.visit_id}/"))
    whole = text_of(estate.his.get(f"/manager/log/{entry.visit_id}/whole/"))
    assert "Mia" in whole
    assert "face_granted" not in whole  # what the device said is the installer's
    make_event(estate.device, "card_refused", card="••••4711")
    pill = text_of(estate.his.get(f"{url}?after={entry.pk}", headers=HTMX))
    assert "1 new" in pill
    assert "Mia" not in text_of(estate.his.get(f"{url}?outcome=refused"))
    assert getattr(estate.his.get(f"{url}?export=csv"), "streaming", False)
    assert "Mia · face" in text_of(estate.his.get(estate.device_page))


def test_without_the_switch_there_is_no_log_anywhere(estate: Estate) -> None:
    visit = Visit.objects.get()
    estate.switch(may_see_logs=False)
    for url in (f"{estate.page}log/", f"/manager/log/{visit.pk}/"):
        assert estate.his.get(url).status_code == 404
        assert estate.his.get(f"{url}?export=csv").status_code == 404
    for url in (estate.page, f"{estate.page}devices/", estate.device_page):
        page = text_of(estate.his.get(url))
        assert "Mia" not in page
        assert "/log/" not in page
    # The other switches are their own.
    assert estate.his.get(f"{estate.device_page}picture/").status_code == 200


def test_pictures_by_their_switch(estate: Estate) -> None:
    file = f"{estate.device_page}picture/newest.jpg"
    assert file in text_of(estate.his.get(estate.device_page))
    answer = estate.his.get(file)
    assert answer.content == JPEG
    assert answer["Cache-Control"] == "private, no-store"
    estate.switch(may_see_images=False)
    assert "picture" not in text_of(estate.his.get(estate.device_page)).lower()
    for url in (file, f"{estate.device_page}picture/"):
        assert estate.his.get(url).status_code == 404
    assert "Mia" in text_of(estate.his.get(f"{estate.page}log/"))


def test_a_device_without_a_camera_has_no_picture(
    estate: Estate, installer: User
) -> None:
    monitor = make_device(estate.site, installer, name="Hall", model="C313")
    run_jobs()
    page = text_of(estate.his.get(f"/manager/devices/{monitor.mac}/"))
    assert "Picture" not in page
    file = f"/manager/devices/{monitor.mac}/picture/newest.jpg"
    assert estate.his.get(file).status_code == 404


def test_what_he_may_do_is_said_plainly(estate: Estate) -> None:
    page = text_of(estate.his.get(estate.page))
    assert page.count("Not allowed") == 0
    estate.switch(may_delete_residents=False, may_see_logs=False, may_see_images=False)
    page = text_of(estate.his.get(estate.page))
    assert page.count("Not allowed") == 3
    company = estate.site.organization.name
    assert f"is the work of {company}." in page


def test_a_lost_community_is_gone_at_once(estate: Estate, browser: Client) -> None:
    assert estate.his.get(estate.page).status_code == 200
    edit = f"/installer/users/{estate.manager.membership.pk}/edit/"
    version = re.search(r'name="version" value="(\d+)"', text_of(browser.get(edit)))
    form = {"person": "Petra", "email": str(estate.manager.email), "language": "en"}
    browser.post(edit, form | ({"version": version[1]} if version else {}))
    assert not ManagedCommunity.objects.exists()
    for url in (estate.page, f"{estate.page}log/", estate.device_page):
        assert estate.his.get(url).status_code == 404
    assert "No communities yet" in text_of(estate.his.get("/manager/"))


def test_he_orders_nothing(estate: Estate) -> None:
    """The pages of the installer that act do not exist for him, and nothing happens."""
    commands, audit = Command.objects.count(), AuditEntry.objects.count()
    one = f"/installer/devices/{estate.device.mac}/"
    for url in (
        f"{one}relays/local/1/open/",
        f"{one}picture/",
        f"{one}provisioning/fetch/",
        f"{one}provisioning/reveal/",
        f"{one}edit/",
        f"{one}delete/",
        f"/installer/sites/{estate.site.pk}/bridge/add/",
        f"/installer/sites/{estate.site.pk}/bridge/remove/",
        f"/installer/sites/{estate.site.pk}/devices/new/",
        f"/installer/sites/communities/{estate.site.pk}/edit/",
        f"/installer/sites/communities/{estate.site.pk}/delete/",
        "/installer/sites/communities/new/",
        "/installer/sites/new/",
    ):
        assert estate.his.post(url, {"typed": "Parkhof"}).status_code == 404
        assert estate.his.get(url).status_code in {404, 405}
    assert Command.objects.count() == commands
    assert AuditEntry.objects.count() == audit


def test_he_hears_nothing_of_the_company_and_its_houses(
    estate: Estate, installer: User
) -> None:
    operator = make_operator()
    make_notice(installer)  # a finished upgrade of some house
    make_announcement(operator, Audience.INSTALLERS)
    url = "/manager/notifications/"
    assert "No notifications" in text_of(estate.his.get(url))
    make_announcement(operator)
    make_notice(estate.manager, alone=True)
    page = text_of(estate.his.get(url))
    assert "Version 2" in page
    assert page.count('class="is-unread"') == 2
    assert "2 unread" in text_of(estate.his.get("/manager/notifications/bell/"))


def test_lists_cost_the_same_with_one_row_and_three(
    estate: Estate, installer: User
) -> None:
    def communities() -> None:
        for _ in range(2):
            site = make_community(installer)
            make_seen(make_device(site, installer))
            rows = ManagedCommunity.objects
            rows.create(site=site, user=estate.manager, assigned_at=site.created_at)

    def devices() -> None:
        for _ in range(2):
            make_event(make_device(estate.site, installer), "motion")

    assert_constant_queries(estate.his, "/manager/", communities)
    assert_constant_queries(estate.his, f"{estate.page}devices/", devices)
    assert_constant_queries(estate.his, f"{estate.page}log/", devices)


def test_the_list_is_searched_by_what_he_may_see(
    estate: Estate, installer: User
) -> None:
    assert "Parkhof" in text_of(estate.his.get("/manager/?q=parkallee"))
    assert "Nothing matches" in text_of(estate.his.get("/manager/?q=nowhere"))
    other = make_site(installer)
    assert "Nothing matches" in text_of(estate.his.get(f"/manager/?q={other.name}"))
