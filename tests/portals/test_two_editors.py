"""Two who have one form open: the second is told, and nothing of the first is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import models
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.models import Device
from portico.kernel.clock import utcnow
from portico.portals.installer.forms.device import DeviceDraft
from portico.sites.models import Site
from tests.factories import make_device, make_message, make_template
from tests.factories.access import make_schedule
from tests.portals.support import CHANGED, HTMX, shown_form, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

Case = tuple[models.Model, str, str]


def _device(site: Site, installer: User) -> Case:
    device = make_device(site, installer)
    return device, f"/installer/devices/{device.mac}/edit/", "name"


def _schedule(site: Site, installer: User) -> Case:
    made = make_schedule(site, installer)
    return made, f"/installer/sites/{site.pk}/schedules/{made.pk}/edit/", "name"


def _message(_site: Site, installer: User) -> Case:
    made = make_message(installer, send_at=utcnow() + timedelta(days=2))
    return made, f"/installer/message/{made.pk}/edit/", "title"


def _template(_site: Site, installer: User) -> Case:
    made = make_template(installer)
    return made, f"/installer/message/templates/{made.pk}/edit/", "title"


def now_of(row: models.Model, field: str) -> Any:
    return getattr(type(row)._default_manager.get(pk=row.pk), field)


@pytest.mark.parametrize("make", [_device, _schedule, _message, _template])
def test_the_second_is_told_and_nothing_is_overwritten(
    browser: Client,
    installer: User,
    site: Site,
    make: Callable[[Site, User], Case],
) -> None:
    row, url, field = make(site, installer)
    shown = shown_form(text_of(browser.get(url)))
    entries = AuditEntry.objects.count()
    assert browser.post(url, shown | {field: "First"}).status_code == 302
    for version in (shown["version"], [""], ["x"], ["9" * 20], ["-1"]):
        late = shown | {field: "Second", "version": version}
        page = text_of(browser.post(url, late))
        assert CHANGED in page
        assert 'value="Second"' in page
    assert now_of(row, field) == "First"
    assert AuditEntry.objects.count() == entries + 1

    again = shown_form(text_of(browser.get(url)))
    assert browser.post(url, again | {field: "Second"}).status_code == 302
    assert now_of(row, field) == "Second"


def test_a_form_that_only_draws_itself_anew_keeps_its_version(
    browser: Client, installer: User, site: Site
) -> None:
    device, url, _field = _device(site, installer)
    shown = shown_form(text_of(browser.get(url)))
    assert browser.post(url, shown | {"name": "First"}).status_code == 302
    look = shown | {"act": "add_relay", "name": "Second"}
    drawn = shown_form(text_of(browser.post(url, look, headers=HTMX)))
    assert drawn["version"] == shown["version"]
    assert CHANGED in text_of(browser.post(url, drawn))
    assert now_of(device, "name") == "First"


def test_what_a_unit_reports_while_its_form_is_saved_stays(
    browser: Client,
    installer: User,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The request has read the device when the unit's report is written."""
    device, url, _field = _device(site, installer)
    shown = shown_form(text_of(browser.get(url)))
    is_valid = DeviceDraft.is_valid

    def report(draft: DeviceDraft) -> bool:
        Device.objects.filter(pk=device.pk).update(firmware="29.30.10.9")
        return is_valid(draft)

    monkeypatch.setattr(DeviceDraft, "is_valid", report)
    assert browser.post(url, shown | {"name": "First"}).status_code == 302
    assert now_of(device, "name") == "First"
    assert now_of(device, "firmware") == "29.30.10.9"
