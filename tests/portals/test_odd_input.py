"""What no page of ours sends, and somebody does all the same: never a fault of ours."""

from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.devices.models import Bridge, Command
from portico.sites.models import Site
from tests.factories import make_bridge, make_device, make_mac, new_mac, run_jobs

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

# Longer than the numbers that Python reads.
DIGITS = "9" * 5_000


@pytest.mark.parametrize("page", ["users", "sites", "devices", "mac-library", "log"])
@pytest.mark.parametrize("query", ["q=a%00b", f"page={DIGITS}", f"after={DIGITS}"])
def test_an_odd_address_shows_the_list(browser: Client, page: str, query: str) -> None:
    assert browser.get(f"/installer/{page}/?{query}").status_code == 200


def test_a_key_with_a_nul_opens_as_any_other(
    browser: Client, installer: User, site: Site
) -> None:
    device = make_device(site, installer)
    make_bridge(site, installer)
    run_jobs()
    one = f"/installer/devices/{device.mac}/"
    for path in ("relays/local/1/open/", "provisioning/fetch/", "picture/"):
        key = {"key": f"\0{path[:7]}"}
        assert browser.post(f"{one}{path}", key).status_code == 302
    keys = Command.objects.values_list("idempotency_key", flat=True)
    assert set(keys) == {"relays/", "provisi", "picture"}


def test_a_name_with_a_nul_loses_it(browser: Client, site: Site) -> None:
    form = {"name": "Ce\0llar"}
    browser.post(f"/installer/sites/{site.pk}/bridge/add/", form)
    assert Bridge.objects.get().name == "Cellar"


@pytest.mark.parametrize("body", ["", "{", f"relay-count={DIGITS}&name=x"])
def test_a_device_form_that_is_none_is_shown_again(
    browser: Client, installer: User, site: Site, body: str
) -> None:
    make_mac(installer, new_mac())
    url = f"/installer/sites/{site.pk}/devices/new/"
    kind = "application/x-www-form-urlencoded" if "=" in body else "application/json"
    answer = browser.generic("POST", url, body, content_type=kind)
    assert answer.status_code == 200
