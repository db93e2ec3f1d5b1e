"""The New form of a house in three steps, and its settings (SITE-1 to SITE-4, SITE-7)."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.portals.installer.forms.site_steps import STEPS
from portico.sites.models import Entitlement, Site, VideoPlan
from tests.factories import make_device, make_site, run_jobs, set_prices
from tests.mails import mails_to
from tests.portals.support import CHANGED, shown_form, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

URL = "/installer/sites/new/"
HOUSE = {
    "name": "Ryan",
    "room_name": "Villa Ryan",
    "email": "ryan@example.com",
    "country": "DE",
    "phone": "0151 23456789",
    "address": "Lindenweg 4, Hamburg",
    "call_mode": "ip",
    "time_zone": "Europe/Berlin",
    "language": "de",
    "time_format": "12h",
    "landline_1": "040 3344556",
    "landline_2": "",
    "landline_3": "+33 1 23 45 67 89",
    "premium_plan": "on",
    "landline_service": "on",
    "with_indoor_monitor": "on",
}
OPTIONS = {
    "options": "seen",
    "video_storage": "on",
    "video_plan": "subscribe",
    "video_days": "60",
    "video_device_count": "2",
    "video_audio": "on",
    "smart_home": "on",
    "smart_home_url": "https://ha.example.com",
}


def step_of(page: str) -> str:
    """Which step a page shows."""
    current = re.search(r'aria-current="step".*?</span>(\w+)<', page)
    assert current
    return next(key for key, name in STEPS.items() if str(name) == current[1])


def hidden(page: str) -> dict[str, str]:
    """What a page carries on, as its browser would send it."""
    fields = re.findall(r'<input type="hidden" name="(\w+)"(?: value="([^"]*)")?', page)
    return {name: value for name, value in fields if name != "csrfmiddlewaretoken"}


def test_submit_in_the_first_step_creates_the_house_with_all_fields(
    browser: Client,
) -> None:
    response = browser.post(URL, HOUSE | {"to": "submit"})
    site = Site.objects.get()
    assert response.headers["Location"] == f"/installer/sites/{site.pk}/devices/"
    assert site.landlines == ["+49403344556", "+33123456789"]
    assert (site.landline_1, site.landline_2, site.landline_3) == (
        "+49403344556",
        "",
        "+33123456789",
    )
    assert (site.premium_plan, site.landline_service) == (True, True)
    assert not site.smart_home
    assert not VideoPlan.objects.exists()
    assert set(site.entitlements.values_list("feature", flat=True)) == {
        "app",
        "premium",
    }


def test_next_leads_through_options_and_review_and_nothing_is_lost(
    browser: Client,
) -> None:
    page = text_of(browser.get(URL))
    assert step_of(page) == "house"
    page = text_of(browser.post(URL, HOUSE | {"to": "options"}))
    assert step_of(page) == "options"
    # Nothing is blamed that was not yet asked, and the defaults stand there.
    assert "errorlist" not in page
    assert re.search(r'value="trial"[^>]*checked', page)
    carried = hidden(page)
    page = text_of(browser.post(URL, carried | OPTIONS | {"to": "review"}))
    assert step_of(page) == "review"
    for text in (
        "Villa Ryan",
        "Lindenweg 4, Hamburg",
        "Germany",
        "German",
        "60 Days",
        "Start Subscription Now",
        "https://ha.example.com",
    ):
        assert text in page, text
    # Back and forth.
    back = text_of(browser.post(URL, hidden(page) | {"to": "options"}))
    assert step_of(back) == "options"
    assert 'value="https://ha.example.com"' in back
    first = text_of(browser.post(URL, hidden(page) | {"to": "house"}))
    assert step_of(first) == "house"
    assert 'value="Villa Ryan"' in first
    assert hidden(first)["smart_home_url"] == "https://ha.example.com"
    assert not Site.objects.exists()

    assert browser.post(URL, hidden(page) | {"to": "submit"}).status_code == 302
    site = Site.objects.get()
    assert (site.name, site.call_mode, site.time_format) == ("Ryan", "ip", "12h")
    assert (site.smart_home, site.smart_home_url) == (True, "https://ha.example.com")
    plan = VideoPlan.objects.get(site=site)
    assert (plan.start, plan.days, plan.device_count) == ("subscribe", 60, 2)
    assert plan.call_audio
    run_jobs()
    assert len(mails_to("ryan@example.com")) == 1


@pytest.mark.parametrize(
    ("change", "step", "field", "message"),
    [
        ({"premium_plan": ""}, "house", "landline_1", "Landlines are part of the"),
        (
            {"premium_plan": "", "landline_1": "", "landline_3": ""},
            "house",
            "landline_service",
            "The landline service is part of the Premium Plan",
        ),
        ({"landline_1": "12"}, "house", "landline_1", "not a phone number"),
        (
            {"landline_3": "040 3344556", "country": "FR"},
            "house",
            "phone",
            "not a phone",
        ),
        ({"email": "taken@example.com"}, "house", "email", "Another account has"),
        ({"email": "", "phone": ""}, "house", "email", "Enter an email or a mobile"),
        ({"name": "x" * 300}, "house", "name", "at most 127 characters"),
        (
            {
                "premium_plan": "",
                "landline_service": "",
                "landline_1": "",
                "landline_3": "",
            },
            "options",
            "video_storage",
            "Video storage is part of the Premium Plan",
        ),
        ({"smart_home_url": ""}, "options", "smart_home_url", "Enter the address"),
        (
            {"smart_home_url": "javascript:alert(1)"},
            "options",
            "smart_home_url",
            "Enter a valid URL",
        ),
        ({"video_days": "45"}, "options", "video_days", "not one of the available"),
        ({"video_device_count": "0"}, "options", "video_device_count", "greater than"),
    ],
)
@pytest.mark.parametrize("to", ["review", "submit"])
def test_what_is_wrong_is_said_in_its_step_at_its_field(
    browser: Client,
    installer: User,
    to: str,
    change: dict[str, str],
    step: str,
    field: str,
    message: str,
) -> None:
    make_site(installer, "Other", email="taken@example.com")
    everything = HOUSE | OPTIONS | change | {"to": to}
    sent = {key: value for key, value in everything.items() if value != ""}
    page = text_of(browser.post(URL, sent))
    assert step_of(page) == step
    error = page.split(f'id="id_{field}_error"')[1].split("</ul>")[0]
    assert message in error
    assert Site.objects.count() == 1
    assert "Villa Ryan" in page


@pytest.mark.parametrize("name", ["משפחת כהן", "👩‍👩‍👧 Häuschen", "Ω" * 127])
def test_names_in_every_script_are_kept(browser: Client, name: str) -> None:
    assert browser.post(URL, HOUSE | {"name": name, "room_name": ""}).status_code == 302
    site = Site.objects.get()
    assert site.name == name
    assert site.room_name.startswith(name[:100])
    assert site.room_name.endswith("s home")
    assert len(site.room_name) <= 127
    assert name in text_of(browser.get("/installer/sites/"))


def test_an_unpaid_plan_is_chosen_and_waits(browser: Client) -> None:
    set_prices(premium=500, video=300)
    page = text_of(browser.get(URL))
    assert "€5.00 a month" in page
    browser.post(URL, HOUSE | OPTIONS | {"to": "submit"})
    site = Site.objects.get()
    page = text_of(browser.get(f"/installer/sites/{site.pk}/"))
    assert "waits for the Premium Plan" in page
    page = text_of(browser.get(f"/installer/sites/{site.pk}/services/"))
    premium = page.split("Premium Plan</strong>")[1].split("</tr>")[0]
    assert ">Inactive<" in premium
    assert "€5.00" in premium
    video = page.split("Video Storage</strong>")[1].split("</tr>")[0]
    assert ">Trial<" in video


@pytest.fixture
def villa(browser: Client) -> Site:
    browser.post(URL, HOUSE | OPTIONS | {"to": "submit"})
    return Site.objects.get()


def everything(site: Site) -> dict[str, object]:
    site.refresh_from_db()
    kept = {f.attname: getattr(site, f.attname) for f in Site._meta.fields}
    user = site.residents.get(role="master").user
    user.refresh_from_db()
    names = ("name", "email", "phone", "language", "time_zone", "time_format")
    kept |= {f"master_{name}": getattr(user, name) for name in names}
    kept["video"] = list(VideoPlan.objects.filter(site=site).values())
    kept.pop("version")
    return kept


def test_settings_saved_unchanged_change_nothing(browser: Client, villa: Site) -> None:
    before = everything(villa)
    url = f"/installer/sites/{villa.pk}/settings/"
    form = shown_form(text_of(browser.get(url)))
    assert browser.post(url, form).status_code == 302
    assert everything(villa) == before
    actions = AuditEntry.objects.values_list("action", flat=True)
    assert not {"site.changed", "resident.changed"} & set(actions)


def test_settings_change_house_master_and_units(
    browser: Client, installer: User, villa: Site
) -> None:
    device = make_device(villa, installer)
    run_jobs()
    assert "SNTP.Name = Berlin" in device.provisioning_file.body
    url = f"/installer/sites/{villa.pk}/settings/"
    form = shown_form(text_of(browser.get(url)))
    changes = {
        "name": "Rian",
        "room_name": "Villa Rian",
        "email": "rian@example.com",
        "time_zone": "Asia/Tokyo",
        "landline_1": "",
        "landline_2": "040 3344556",
        "video_days": "90",
        "video_devices": [str(device.pk)],
        "smart_home_url": "https://other.example.com",
    }
    assert browser.post(url, form | changes).status_code == 302
    found = everything(villa)
    assert (found["name"], found["master_name"]) == ("Rian", "Rian")
    assert found["master_email"] == "rian@example.com"
    assert found["time_zone"] == found["master_time_zone"] == "Asia/Tokyo"
    assert villa.landlines == ["+49403344556", "+33123456789"]
    assert villa.smart_home_url == "https://other.example.com"
    device.refresh_from_db()
    assert device.stores_video
    run_jobs()
    device.provisioning_file.refresh_from_db()
    assert "SNTP.Name = Tokyo" in device.provisioning_file.body
    entry = AuditEntry.objects.get(action="site.changed")
    assert (entry.before["name"], entry.after["name"]) == ("Ryan", "Rian")
    # The link that was sent to the old address is worth nothing; a new one went out.
    assert len(mails_to("rian@example.com")) == 1


def test_of_two_who_edit_a_house_the_second_is_told(
    browser: Client, villa: Site
) -> None:
    url = f"/installer/sites/{villa.pk}/settings/"
    shown = shown_form(text_of(browser.get(url)))
    assert browser.post(url, shown | {"address": "First"}).status_code == 302
    page = text_of(browser.post(url, shown | {"address": "Second"}))
    assert CHANGED in page
    assert 'value="Second"' in page
    villa.refresh_from_db()
    assert villa.address == "First"
    # So is who edits the house while the master was changed on his own page.
    shown = shown_form(text_of(browser.get(url)))
    User.objects.filter(residents__site=villa).update(version=99)
    page = text_of(browser.post(url, shown | {"address": "Third"}))
    assert CHANGED in page
    villa.refresh_from_db()
    assert villa.address == "First"


def test_smart_home_stays_on_and_its_icon_leads_there(
    browser: Client, villa: Site
) -> None:
    listed = text_of(browser.get("/installer/sites/"))
    assert 'href="https://ha.example.com"' in listed
    assert "Smart home of Villa Ryan" in listed
    url = f"/installer/sites/{villa.pk}/settings/"
    form = shown_form(text_of(browser.get(url)))
    del form["smart_home"]
    page = text_of(browser.post(url, form))
    assert "Once on, the smart home cannot be switched off." in page
    villa.refresh_from_db()
    assert villa.smart_home


def test_no_more_devices_record_than_are_chosen(
    browser: Client, installer: User, villa: Site
) -> None:
    devices = [make_device(villa, installer) for _ in range(3)]
    url = f"/installer/sites/{villa.pk}/settings/"
    form = shown_form(text_of(browser.get(url)))
    chosen = [str(device.pk) for device in devices]
    page = text_of(browser.post(url, form | {"video_devices": chosen}))
    assert "more devices than the Number of Stored Devices" in page
    foreign = make_device(make_site(installer), installer)
    page = text_of(browser.post(url, form | {"video_devices": [str(foreign.pk)]}))
    assert "not one of the available choices" in page
    assert browser.post(url, form | {"video_devices": chosen[:2]}).status_code == 302
    flags = [d.stores_video for d in villa.devices.order_by("pk")]
    assert flags == [True, True, False]
    # Without Video Storage none records, and what ran has ended.
    form = shown_form(text_of(browser.get(url)))
    del form["video_storage"]
    assert browser.post(url, form).status_code == 302
    assert not villa.devices.filter(stores_video=True).exists()
    assert not VideoPlan.objects.exists()
    video = Entitlement.objects.filter(feature="video")
    assert video.exists()
    assert not video.filter(ends_at=None).exists()
    page = text_of(browser.get(f"/installer/sites/{villa.pk}/services/"))
    assert "Video storage has ended" in page


def test_the_review_says_what_stands_for_what_was_left_empty(browser: Client) -> None:
    sent = {"name": "Ryan", "email": "ryan@example.com", "call_mode": "sip"}
    sent |= {"language": "en", "time_format": "24h", "premium_plan": "on"}
    sent |= {"options": "seen", "video_storage": "on", "video_days": "30"}
    page = text_of(browser.post(URL, sent | {"to": "review"}))
    for words in ("Ryan&#x27;s home", "Europe/Berlin", "30 Days"):
        assert f"<dd>{words}</dd>" in page
