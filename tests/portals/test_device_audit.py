"""The Audit tab of a device: what people did to it, and nothing else (DEV-9)."""

from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.kernel.clock import utcnow
from portico.sites.models import Site
from portico.tenancy.enums import Role
from tests.factories import make_device, make_person
from tests.portals.conftest import client_of
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def test_tab_shows_this_device_alone(
    browser: Client, installer: User, site: Site
) -> None:
    device = make_device(site, installer, name="Front door")
    make_device(site, installer, name="Cellar")
    browser.post(f"/installer/devices/{device.mac}/remote/reboot/", {"key": "k"})
    page = text_of(browser.get(f"/installer/devices/{device.mac}/audit/"))

    assert "Front door" in page
    assert "Cellar" not in page.partition("<table")[2]


def test_sub_installer_reads_no_audit_log(installer: User, site: Site) -> None:
    device = make_device(site, installer)
    sub = make_person(installer, Role.SUB_INSTALLER).user
    site.assignments.create(user=sub, assigned_at=utcnow())
    page = text_of(client_of(sub).get(f"/installer/devices/{device.mac}/audit/"))
    assert "Nothing yet" in page
