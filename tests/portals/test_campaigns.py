"""Upgrades of many devices: planned in steps, reported, paused, resumed, stopped (FW-3)."""

from __future__ import annotations

import html
import re
import uuid

import pytest
from django.test import Client

from portico.devices.models import Device
from portico.firmware.enums import CampaignState, PauseReason, UpgradeState, Why
from portico.firmware.models import FirmwareVersion, UpgradeCampaign
from portico.firmware.reports import shares
from portico.firmware.services.campaigns import order_upgrade
from portico.firmware.services.moving import move
from portico.kernel.ids import new_id
from portico.sites.models import Site
from tests.factories import run_jobs
from tests.factories.filters import make_filter
from tests.factories.firmware import NEW, OLD, make_plan, make_version
from tests.firmware.world import World
from tests.portals.conftest import client_of
from tests.portals.support import CHANGED, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
LIST, WIZARD = "/installer/upgrade/", "/installer/upgrade/wizard/"


@pytest.fixture
def world() -> World:
    return World(houses=4)


@pytest.fixture
def version() -> FirmwareVersion:
    return make_version()


@pytest.fixture
def browser(world: World) -> Client:
    return client_of(world.installer)


def devices_step(**more: object) -> dict[str, object]:
    data = {
        "token": str(new_id()),
        "project": "single_family",
        "target": "all",
        "find": "",
        "seen_devices": "yes",
    }
    return data | more


def version_step(version: FirmwareVersion, **more: object) -> dict[str, object]:
    return {"seen_version": "yes", "version": str(version.pk), **more}


def plan_step(**more: object) -> dict[str, object]:
    data = {
        "seen_plan": "yes",
        "name": "Spring",
        "when": "now",
        "local_start": "",
        "waves": "25, 75",
        "soak_minutes": "0",
        "window_from": "",
        "window_to": "",
        "error_percent": "20",
        "error_sample": "5",
        "error_cap": "5",
        "patience_hours": "24",
        "horizon_days": "30",
        "retries": "3",
    }
    return data | more


def whole(version: FirmwareVersion, **more: object) -> dict[str, object]:
    return devices_step() | version_step(version) | plan_step() | more


def hidden(page: str) -> dict[str, list[str]]:
    """What the form carries along."""
    form = page[page.index('id="upgrade-wizard"') :]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(
        r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', form
    ):
        found.setdefault(name, []).append(html.unescape(value))
    return found


def step_of(page: str) -> str:
    """The name of the step that is marked."""
    found = re.search(r'aria-current="step"><span[^>]*>\d</span>([^<]+)', page)
    assert found is not None
    return found[1]


def settle(world: World) -> None:
    for _ in range(4):
        world.tick(seconds=2)


def fail(world: World, device: Device) -> None:
    """The unit does not come back."""
    world.writes(device)
    row = world.row(device)
    move([row], UpgradeState.TIMED_OUT, reason=Why.NO_ANSWER, now=world.now)
    settle(world)


def test_wizard_goes_from_a_saved_filter_to_an_upgrade_in_waves(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    saved = make_filter(world.installer, "All R29", model="R29")
    page = text_of(browser.get(f"{WIZARD}?filter={saved.pk}"))
    assert step_of(page) == "Devices"
    assert "4 devices are found: R29 4." in page
    data = devices_step(target="saved", saved=str(saved.pk))
    page = text_of(browser.post(WIZARD, data | {"to": "version"}))
    assert step_of(page) == "Version"
    assert "R29 4" in page
    assert f"R29 · {NEW}" in page
    data |= version_step(version)
    page = text_of(browser.post(WIZARD, data | {"to": "plan"}))
    assert step_of(page) == "Waves and guards"
    assert 'value="10, 30, 60"' in page
    data |= plan_step()
    page = text_of(browser.post(WIZARD, data | {"to": "check"}))
    assert step_of(page) == "Dry run"
    assert not UpgradeCampaign.objects.exists()
    page = text_of(browser.post(WIZARD, data | {"to": "confirm"}))
    assert step_of(page) == "Confirm"
    assert "4 devices, 2 waves" in page
    # What the last step carries is all that the order needs.
    order = hidden(page)
    assert order["saved"] == [str(saved.pk)]
    browser.post(WIZARD, order | {"to": "submit"})
    answer = browser.post(WIZARD, order | {"to": "submit"})  # a second click

    campaign = UpgradeCampaign.objects.get()
    assert answer.headers["Location"] == f"{LIST}{campaign.pk}/"
    assert (campaign.name, campaign.is_simple) == ("Spring", False)
    assert [wave.total for wave in campaign.waves.order_by("number")] == [1, 3]


def test_going_back_loses_nothing(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    chosen = [str(one.pk) for one in world.devices[:2]]
    data = whole(
        version, target="chosen", devices=chosen, name="Mine", allow_downgrade="on"
    )
    page = text_of(browser.post(WIZARD, data | {"to": "devices"}))
    carried = hidden(page)
    assert carried["name"] == ["Mine"]
    assert carried["version"] == [str(version.pk)]
    assert carried["allow_downgrade"] == ["True"]
    assert len(re.findall(r'name="devices"[^>]*checked', page)) == 2
    page = text_of(browser.post(WIZARD, data | {"to": "version"}))
    assert hidden(page)["devices"] == chosen
    assert re.search(rf'value="{version.pk}" selected', page)


def test_nobody_goes_on_with_a_step_that_is_not_in_order(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    nothing = devices_step(target="chosen")
    page = text_of(browser.post(WIZARD, nothing | {"to": "check"}))
    assert step_of(page) == "Devices"
    assert "Choose at least one device." in page
    page = text_of(browser.post(WIZARD, whole(version) | nothing | {"to": "submit"}))
    assert step_of(page) == "Devices"
    page = text_of(
        browser.post(WIZARD, whole(version) | {"version": "", "to": "check"})
    )
    assert step_of(page) == "Version"
    wrong = {
        "waves": ("10, 20", "all of them together 100 %"),
        "window_from": ("22:00", "Choose both, or neither."),
        "error_cap": ("0", "greater than or equal to 1"),
    }
    for name, (value, said) in wrong.items():
        data = whole(version, **{name: value})
        page = text_of(browser.post(WIZARD, data | {"to": "check"}))
        assert step_of(page) == "Waves and guards", name
        assert said in page, name
    page = text_of(
        browser.post(WIZARD, whole(version, waves="a, b") | {"to": "submit"})
    )
    assert "Write whole numbers" in page
    assert not UpgradeCampaign.objects.exists()


def test_dry_run_tells_what_becomes_of_each_device(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    ready, away, current, newer = world.devices
    world.sees(away, online=False)
    world.reports(current, NEW)
    world.reports(newer, "29.30.10.250")
    page = text_of(browser.post(WIZARD, whole(version) | {"to": "check"}))
    shown = r"<dt>([^<]+)</dt><dd>\s*<span[^>]*>\s*<svg.*?</svg>(\d+)"
    told = dict(re.findall(shown, page, re.DOTALL))
    assert told == {
        "Upgraded": "1",
        "Offline": "1",
        "Already current": "1",
        "Newer version": "1",
    }
    assert ready.pretty_mac not in page  # counts alone


def test_a_campaign_of_another_company_is_followed_by_nobody(
    world: World, version: FirmwareVersion
) -> None:
    campaign = world.order(world.devices, version)
    other = client_of(World().installer)
    assert other.get(f"{WIZARD}?follows={campaign.pk}").status_code == 404
    assert other.get(f"{WIZARD}?follows=x").status_code == 404
    assert other.get(f"{WIZARD}?follows={uuid.uuid4()}").status_code == 404


def test_devices_of_others_are_no_choice(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    stranger = World().devices[0]
    data = whole(version, target="chosen", devices=[str(stranger.pk)])
    page = text_of(browser.post(WIZARD, data | {"to": "submit"}))
    assert step_of(page) == "Devices"
    assert not UpgradeCampaign.objects.exists()


def test_report_tells_which_are_touched_and_which_are_not(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    campaign = world.order(
        world.devices, version, waves=(25, 75), error_cap=1, name="Spring"
    )
    world.tick(seconds=1)
    world.tick(seconds=1)
    first = campaign.upgrades.get(wave__number=1).device
    assert first is not None
    fail(world, first)

    page = text_of(browser.get(f"{LIST}{campaign.pk}/"))
    assert "1 of 4 failed, stopped by the error limit" in page
    assert f"1 device was touched and may not be in order: {first.name}." in page
    assert "3 devices are untouched and have the firmware that they had." in page
    assert "Tripped" in page
    harmed = text_of(browser.get(f"{LIST}{campaign.pk}/?state=harmed"))
    assert [d for d in world.devices if d.pretty_mac in harmed] == [first]
    untouched = text_of(browser.get(f"{LIST}{campaign.pk}/?state=untouched"))
    assert first.pretty_mac not in untouched
    assert sum(d.pretty_mac in untouched for d in world.devices) == 3
    listed = text_of(browser.get(f"{LIST}campaigns/"))
    assert "25 %" in listed
    assert "stopped by the error limit" in listed


def test_after_the_error_limit_it_goes_on_when_somebody_has_looked(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    campaign = world.order(world.devices, version, waves=(25, 75), error_cap=1)
    world.tick(seconds=1)
    world.tick(seconds=1)
    first = campaign.upgrades.get(wave__number=1).device
    assert first is not None
    fail(world, first)
    address = f"{LIST}{campaign.pk}/resume/"
    page = text_of(browser.post(address))
    assert "Say that you have looked at the devices that failed." in page
    campaign.refresh_from_db()
    assert campaign.pause_reason == PauseReason.ERROR_LIMIT
    browser.post(address, {"forgive": "on"})
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.RUNNING


def test_pause_resume_and_stop_say_what_they_do(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    campaign = world.order(world.devices, version)
    world.tick(seconds=1)
    world.tick(seconds=1)
    first, *rest = world.devices
    world.writes(first)
    page = text_of(browser.get(f"{LIST}{campaign.pk}/pause/"))
    told = dict(re.findall(r"<dt>([A-Za-z ]+: \d+)</dt><dd>([^<]+)", page))
    assert told["Installing: 1"] == (
        "They are past the point of no return, and finish."
    )
    assert "taken back untouched" in told["Being sent: 3"]
    browser.post(f"{LIST}{campaign.pk}/pause/")
    assert world.states(rest) == ["queued"] * 3
    page = text_of(browser.get(f"{LIST}{campaign.pk}/"))
    assert "Paused by hand: 0 of 4 have the version" in page
    assert "1 device is installing now and will finish." in page

    browser.post(f"{LIST}{campaign.pk}/resume/")
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.RUNNING
    browser.post(f"{LIST}{campaign.pk}/stop/")
    assert world.states(rest) == ["cancelled stopped"] * 3
    page = text_of(browser.post(f"{LIST}{campaign.pk}/pause/", follow=True))
    assert "Only an upgrade that runs can be paused." in page
    assert browser.get(f"{LIST}{campaign.pk}/explode/").status_code == 404


def test_the_failed_are_upgraded_again_with_the_same_plan(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    campaign = world.order(world.devices, version, error_cap=9, name="Spring")
    world.tick(seconds=1)
    world.tick(seconds=1)
    first, *rest = world.devices
    fail(world, first)
    for device in rest:
        world.upgrades(device)
    settle(world)
    page = text_of(browser.get(f"{LIST}{campaign.pk}/"))
    assert "Finished: 3 of 4 have the version, 1 failed" in page
    assert f"{WIZARD}?follows={campaign.pk}" in page

    address = f"{WIZARD}?follows={campaign.pk}"
    page = text_of(browser.get(address))
    assert "The 1 device that failed in Spring" in page
    data = whole(version, target="given", error_cap="9")
    browser.post(address, data | {"to": "submit"})
    again = UpgradeCampaign.objects.exclude(pk=campaign.pk).get()
    assert again.follows == campaign
    assert [row.device for row in again.upgrades.all()] == [first]


def test_a_campaign_that_waits_is_edited_in_the_wizard(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    campaign = order_upgrade(
        actor=world.installer,
        devices=[one.pk for one in world.devices],
        plan=make_plan(version, waves=(25, 75), name="Spring"),
        now=world.now,
    )
    address = f"{LIST}{campaign.pk}/edit/"
    page = text_of(browser.get(address))
    assert "The 4 devices that it has" in page
    data = devices_step(target="given", token=str(campaign.edition))
    page = text_of(browser.post(address, data | {"to": "version"}))
    data |= version_step(version)
    page = text_of(browser.post(address, data | {"to": "plan"}))
    assert 'value="25, 75"' in page
    assert 'value="Spring"' in page
    data |= plan_step(name="Summer", waves="50 50")
    browser.post(address, data | {"to": "submit"})

    campaign.refresh_from_db()
    assert campaign.name == "Summer"
    assert [wave.total for wave in campaign.waves.order_by("number")] == [2, 2]

    late = data | plan_step(name="Autumn", waves="100") | {"to": "submit"}
    page = text_of(browser.post(address, late))
    assert CHANGED in page
    assert 'value="Autumn"' in page
    campaign.refresh_from_db()
    assert campaign.name == "Summer"


def test_shares_stay_as_they_were_typed(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    # Of four devices 5 % and 15 % are one each, and make other shares.
    campaign = world.order(world.devices, version, waves=(5, 15, 80))
    address = f"{LIST}{campaign.pk}/edit/"
    data = devices_step(target="given", token=str(campaign.edition))
    data |= version_step(version)
    page = text_of(browser.post(address, data | {"to": "plan"}))
    assert 'value="5, 15, 80"' in page


def test_many_devices_are_prepared_before_it_begins(
    world: World,
    browser: Client,
    version: FirmwareVersion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portico.firmware.services.preparing.AT_ONCE", 2)
    browser.post(WIZARD, whole(version) | {"to": "submit"})
    campaign = UpgradeCampaign.objects.get()
    address = f"{LIST}{campaign.pk}/"
    page = text_of(browser.get(address))
    assert "Being prepared: 0 of 4 devices are written down" in page
    assert "Preparing" in page
    assert "They stand here once they are written down." in page
    listed = text_of(browser.get(f"{LIST}campaigns/?state=preparing"))
    assert "Preparing" in listed
    assert "0 of 0" not in listed
    # It can be stopped, and not yet be changed.
    assert f"{address}stop/" in page
    assert f"{address}edit/" not in page
    assert browser.get(f"{address}edit/").headers["Location"] == address

    run_jobs()
    page = text_of(browser.get(address))
    assert "Begins in a moment" in page
    assert f"{address}edit/" in page
    assert [wave.total for wave in campaign.waves.order_by("number")] == [1, 3]


def test_shares_are_a_whole() -> None:
    assert shares([1, 3]) == (25, 75)
    assert shares([1, 1, 1]) == (33, 33, 34)
    assert shares([4]) == (100,)
    assert shares([]) == (100,)
    assert shares([1, 1, 998]) == (1, 1, 98)
    assert sum(shares([1] * 150)) == 100


def test_old_version_needs_leave(world: World, browser: Client) -> None:
    old = make_version("29.30.9.1")
    page = text_of(browser.post(WIZARD, whole(old) | {"to": "check"}))
    assert "They have a newer version, and are left alone." in page
    allowed = whole(old, allow_downgrade="on")
    page = text_of(browser.post(WIZARD, allowed | {"to": "check"}))
    assert "They have a newer version" not in page
    assert OLD not in page


@pytest.mark.parametrize("odd", ["\0", "x" * 5_000, "9" * 40, "-1", "٣"])
def test_odd_input_is_answered(
    world: World, browser: Client, version: FirmwareVersion, odd: str
) -> None:
    Site.objects.filter(pk=world.sites[0].pk).update(time_zone="Asia/Tokyo")
    Site.objects.filter(pk=world.sites[1].pk).update(time_zone="America/New_York")
    for name in ("filter", "version"):
        assert browser.get(WIZARD, {name: odd}).status_code == 200
    for name in ("device", "follows"):
        assert browser.get(WIZARD, {name: odd}).status_code in {200, 404}
    assert browser.get(f"{LIST}new/", {"version": odd}).status_code == 200
    for path in (WIZARD, f"{LIST}new/"):
        for name in ("project", "version", "devices", "saved", "target", "token"):
            data = whole(version) | {name: odd, "to": "submit"}
            assert browser.post(path, data).status_code == 200, (path, name)
            looked = data | {"act": "look", "find": odd}
            assert browser.post(path, looked).status_code == 200, (path, name)
    # Of some years there is no moment in some zones.
    for start in ("0001-01-01T00:00", "9999-12-31T23:59"):
        data = whole(version, when="later", local_start=start) | {"to": "submit"}
        assert browser.post(WIZARD, data).status_code == 200, start
    for name in ("waves", "local_start", "window_from", "soak_minutes", "retries"):
        data = whole(version, when="later", **{name: odd}) | {"to": "submit"}
        assert browser.post(WIZARD, data).status_code == 200, name
    assert not UpgradeCampaign.objects.exists()
