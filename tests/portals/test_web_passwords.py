"""A distributor's one-time password for the web pages of a device (ORG-4, REM-3)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.models import Device
from portico.kernel.clock import utcnow
from portico.notices.models import Notice
from portico.portals.shared.audit_words import ACTIONS
from portico.provisioning.models import ProvisioningFile, WebPassword
from portico.provisioning.services.web_passwords import expire_web_passwords
from portico.tenancy.enums import OrganizationKind
from tests.factories import (
    make_device,
    make_distributor,
    make_installer,
    make_member,
    make_operator,
    make_organization,
    make_site,
    organization_of,
    run_jobs,
)
from tests.portals.conftest import client_of
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

KEY = "Config.Settings.WEB_LOGIN.Password = "


@pytest.fixture
def dora(db: None) -> User:
    return make_distributor("dora", name="Dora Doors")


@pytest.fixture
def desk(dora: User) -> Client:
    return client_of(dora)


@pytest.fixture
def device(dora: User) -> Device:
    installer = make_installer("ida", distributor=dora)
    device = make_device(make_site(installer, "Ryan"), installer)
    run_jobs()
    return device


def in_file(device: Device) -> str:
    """The web password that the device's file sets; empty: none."""
    run_jobs()
    body = ProvisioningFile.objects.get(device=device).body
    return body.split(KEY)[1].split("\n")[0] if KEY in body else ""


def issue(desk: Client, device: Device) -> str:
    url = f"/distributor/devices/{device.mac}/web-password/"
    response = desk.post(url)
    assert "no-store" in response.headers["Cache-Control"]
    found = re.search(r'id="web-password">([^<]+)<', text_of(response))
    assert found
    return found[1]


def test_a_password_is_issued_once_and_reaches_the_device(
    desk: Client, device: Device
) -> None:
    assert in_file(device) == ""
    listed = text_of(desk.get("/distributor/devices/"))
    url = f"/distributor/devices/{device.mac}/web-password/"
    assert f'href="{url}"' in listed
    assert "works for 24 hours" in text_of(desk.get(url))
    password = issue(desk, device)
    assert re.fullmatch("[a-z2-9]{12}", password)
    assert in_file(device) == password
    # Nobody reads it again: not here, not in the installer's view of the file.
    page = text_of(desk.get(url))
    assert password not in page
    assert "Issued by" in page
    assert password not in str(list(AuditEntry.objects.values()))
    installer = client_of(User.objects.get(username="ida"))
    shown = text_of(installer.get(f"/installer/devices/{device.mac}/provisioning/"))
    assert KEY.strip() in shown
    assert password not in shown


def test_the_installer_is_told_and_finds_it_in_his_audit_log(
    desk: Client, device: Device
) -> None:
    password = issue(desk, device)
    notice = Notice.objects.get(kind="web_password")
    assert notice.organization_id == device.site.organization_id
    installer = client_of(User.objects.get(username="ida"))
    page = text_of(installer.get("/installer/notifications/"))
    assert "Dora Doors has issued a web password for Front door" in page
    assert password not in page
    log = text_of(installer.get("/installer/setting/audit/"))
    assert "issued a web password" in log
    assert {"web_password.issued", "web_password.ended"} <= ACTIONS.keys()


def test_a_new_password_ends_the_old_and_time_ends_all(
    desk: Client, device: Device
) -> None:
    first, second = issue(desk, device), issue(desk, device)
    assert first != second
    assert in_file(device) == second
    expire_web_passwords(now=utcnow() + timedelta(hours=23))
    assert in_file(device) == second
    expire_web_passwords(now=utcnow() + timedelta(hours=25))
    replaced = in_file(device)
    assert len(replaced) >= 20
    assert replaced != second
    expire_web_passwords(now=utcnow() + timedelta(hours=49))
    assert in_file(device) == replaced


def test_it_is_ended_before_its_time(desk: Client, device: Device) -> None:
    password = issue(desk, device)
    url = f"/distributor/devices/{device.mac}/web-password/end/"
    assert desk.get(url).status_code == 405
    for _ in range(2):
        assert desk.post(url).status_code == 302
    assert in_file(device) not in {"", password}
    assert AuditEntry.objects.filter(action="web_password.ended").count() == 1
    page = text_of(desk.get(f"/distributor/devices/{device.mac}/web-password/"))
    assert "Issued by" not in page


def test_it_is_for_distributors_above_the_device_alone(
    dora: User, device: Device
) -> None:
    sub = make_organization(OrganizationKind.SUB_DISTRIBUTOR, organization_of(dora))
    beside = make_member(sub)
    url = f"/distributor/devices/{device.mac}/web-password/"
    others = [make_distributor(), beside, make_operator()]
    others.append(User.objects.get(username="ida"))
    for user in others:
        client = client_of(user)
        for method in (client.get, client.post):
            assert method(url).status_code == 404
        assert client.post(f"{url}end/").status_code == 404
    assert not WebPassword.objects.exists()
    # A sub-distributor issues it for the installers below himself.
    ida = make_installer(distributor=beside)
    below = make_device(make_site(ida), ida)
    issue(client_of(beside), below)
