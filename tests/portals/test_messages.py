"""Messages as an installer writes them: found, chosen, checked, sent once, followed."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.kernel.clock import utcnow
from portico.messaging.enums import MessageState, Receivers
from portico.messaging.models import Message, MessageTemplate
from portico.messaging.rules import MOST_SITES
from portico.messaging.services.monitors import give_up_old, record_not_taken
from portico.messaging.services.reading import mark_delivered, mark_read
from portico.portals.installer.forms.message import FOUND
from portico.sites.models import Site
from portico.tenancy.enums import Role
from tests.factories import (
    make_device,
    make_family_member,
    make_installer,
    make_message,
    make_person,
    make_site,
    make_template,
    run_jobs,
)
from tests.portals.conftest import client_of
from tests.portals.support import HTMX, assert_constant_queries, queries_of, text_of
from tests.portals.test_portal_visits import Pair

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

LIST = "/installer/message/"
NEW = f"{LIST}new/"


def form(**fields: Any) -> dict[str, Any]:
    """What the form holds when it is sent, with ``fields`` changed."""
    return {
        "token": str(uuid.uuid4()),
        "title": "News",
        "text": "Hello {name}",
        "receivers": "all",
        "ways": ["apps"],
        "when": "now",
    } | fields


def errors_of(client: Client, **fields: Any) -> str:
    """The page that comes back, which has written nothing."""
    response = client.post(NEW, form(**fields))
    assert response.status_code == 200
    assert not Message.objects.exists()
    text = text_of(response)
    assert "Nothing was saved yet" in text
    return text


def test_a_message_goes_to_all_and_is_followed(
    browser: Client, installer: User, site: Site
) -> None:
    mia = make_family_member(site, installer, "Mia")
    make_device(site, installer, model="C313", name="Kitchen")
    data = form(ways=["apps", "monitors"], text="<b>\u05e9\u05dc\u05d5\u05dd 🚪</b>")
    sent = browser.post(NEW, data)
    message = Message.objects.get()
    details = f"{LIST}{message.pk}/"
    assert sent.headers["Location"] == details
    run_jobs()
    [hers] = message.receipts.filter(resident=mia)
    mark_delivered(homes=[mia], receipt_ids=[hers.pk], now=utcnow())
    mark_read(homes=[mia], receipt=hers, now=utcnow())

    page = text_of(browser.get(details))
    assert "&lt;b&gt;\u05e9\u05dc\u05d5\u05dd 🚪&lt;/b&gt;" in page
    assert re.findall(r"<b>(\d+)</b><span>(\w+)</span>", page) == [
        ("3", "Receivers"),
        ("2", "Sent"),
        ("1", "Delivered"),
        ("1", "Read"),
    ]
    assert "Waits for the monitor" in page
    assert "Kitchen" in text_of(browser.get(details, {"state": "waiting"}))
    assert "Kitchen" not in text_of(browser.get(details, {"state": "read"}))
    assert "Mia" in text_of(browser.get(details, {"q": "mia"}))
    part = text_of(browser.get(details, {"shown": "sent"}, headers=HTMX))
    assert "<html" not in part
    assert "<b>3</b>" in part
    moved = browser.get(details, {"shown": "sending"}, headers=HTMX)
    assert moved.headers["HX-Refresh"] == "true"


def test_what_a_monitor_did_not_take_is_said(
    browser: Client, installer: User, site: Site
) -> None:
    for _ in range(2):
        make_device(site, installer, model="C313")
    message = make_message(installer, to_apps=False, to_monitors=True)
    run_jobs()
    refused = message.receipts.first()
    assert refused is not None
    now = utcnow()
    record_not_taken(receipt_id=refused.pk, claim="", status=405, now=now)
    give_up_old(now=now + timedelta(days=8))

    page = text_of(browser.get(f"{LIST}{message.pk}/"))
    assert "Refused by the monitor (405)" in page
    assert "Not fetched in 7 days" in page


def test_the_form_sent_twice_writes_once(browser: Client, site: Site) -> None:
    data = form()
    first, second = browser.post(NEW, data), browser.post(NEW, data)
    assert first.headers["Location"] == second.headers["Location"]
    run_jobs()
    assert Message.objects.get().receipts.count() == 1

    # Back, other words, sent again: asked once, then it is another message.
    page = text_of(browser.post(NEW, data | {"title": "More"}))
    assert "This form has sent a message already" in page
    assert 'value="More"' in page
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    browser.post(NEW, data | {"title": "More", "token": token[1]})
    assert set(Message.objects.values_list("title", flat=True)) == {"News", "More"}


def test_bad_input_is_said_at_its_field(browser: Client, installer: User) -> None:
    installer.time_zone = "Europe/Berlin"
    installer.save()
    stranger = make_site(make_installer(), "Stranger")
    foreign = stranger.residents.get().pk
    now = utcnow().astimezone(ZoneInfo("Europe/Berlin"))
    past = (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    far = (now + timedelta(days=500)).strftime("%Y-%m-%dT%H:%M")
    later = {"when": "later"}
    for fields, complaint in (
        ({"title": " "}, "This field is required."),
        ({"title": "t" * 300}, "at most 127 characters (it has 300)"),
        ({"text": ""}, "This field is required."),
        ({"text": "t" * 2_001}, "at most 2000 characters"),
        ({"title": "a\0b"}, "Null characters are not allowed."),
        ({"receivers": "sites"}, "Choose at least one site."),
        (
            {"receivers": "sites", "sites": [str(stranger.pk)]},
            "is not one of the available choices.",
        ),
        ({"receivers": "sites", "sites": ["x"]}, "is not one of the available"),
        ({"receivers": "one"}, "Choose who receives it."),
        ({"receivers": "one", "resident": str(foreign)}, "is not one of the available"),
        ({"receivers": "one", "resident": "²"}, "is not one of the available"),
        ({"receivers": "world"}, "is not one of the available choices."),
        ({"ways": []}, "Choose the app, the indoor monitors, or both."),
        (later, "Choose when it is sent."),
        (later | {"send_at": past}, "This time is in the past."),
        (later | {"send_at": far}, "At most a year ahead."),
        (later | {"send_at": "tomorrow"}, "Enter a valid date/time."),
        # The hour that summer time leaves out.
        (later | {"send_at": "2027-03-28T02:30"}, "interpreted in time zone"),
    ):
        assert complaint in errors_of(browser, **fields), fields
    assert browser.post(NEW, form(token="x")).status_code == 200
    assert browser.post(NEW).status_code == 200
    assert not Message.objects.exists()


def test_a_schedule_is_in_the_viewers_zone_and_can_be_changed(
    browser: Client, installer: User, site: Site
) -> None:
    installer.time_zone = "Asia/Tokyo"
    installer.save()
    zone = ZoneInfo("Asia/Tokyo")
    due = (
        (utcnow() + timedelta(days=2)).astimezone(zone).replace(second=0, microsecond=0)
    )
    browser.post(NEW, form(when="later", send_at=due.strftime("%Y-%m-%dT%H:%M")))
    message = Message.objects.get()
    assert (message.send_at, message.state) == (due, MessageState.SCHEDULED)

    edit = f"{LIST}{message.pk}/edit/"
    page = text_of(browser.get(edit))
    assert f'value="{due:%Y-%m-%dT%H:%M}"' in page
    assert "In your time zone, Asia/Tokyo." in page
    chosen = {"receivers": "sites", "sites": [str(site.pk)]}
    browser.post(edit, form(title="Changed", version="1", **chosen))
    run_jobs()
    message.refresh_from_db()
    assert (message.title, message.state) == ("Changed", MessageState.SENT)
    assert message.receipts.count() == 1

    gone = browser.post(edit, form(title="Too late"), follow=True)
    assert "This message is sent. It can only be deleted." in text_of(gone)
    assert Message.objects.get().title == "Changed"


def test_sites_are_found_and_chosen_among_thousands(
    browser: Client, installer: User
) -> None:
    Site.objects.bulk_create(
        [
            Site(
                organization=installer.membership.organization,
                kind="community",
                name=f"Estate {number:04}",
                room_name=f"Estate {number:04}",
                time_zone="UTC",
                created_at=utcnow(),
            )
            for number in range(5_000)
        ]
    )
    empty = browser.get(NEW)
    assert len(empty.content) < 60_000
    assert text_of(empty).count('name="sites"') == FOUND

    def look(**fields: Any) -> str:
        asked = form(receivers="sites", act="look") | fields
        return text_of(browser.post(NEW, asked, headers=HTMX))

    chosen = str(Site.objects.get(name="Estate 4321").pk)
    page = look(find_site="Estate 001", sites=[chosen])
    assert "1 site chosen." in page
    assert 'value="News"' in page
    assert page.count('name="sites"') == 11
    assert page.count("checked") == 4  # site, receivers, way, now
    assert "Estate 4321" in page
    everything = look(act="all_sites", find_site="Estate 00", sites=[chosen])
    assert "101 sites chosen." in everything

    ids = re.findall(r'name="sites" value="([^"]+)"', everything)
    browser.post(NEW, form(receivers="sites", sites=ids))
    assert Message.objects.get().sites.count() == 101
    too_many = look(act="all_sites", find_site="Estate")
    ids = re.findall(r'name="sites" value="([^"]+)"', too_many)
    assert len(ids) == MOST_SITES + 1
    refused = text_of(browser.post(NEW, form(receivers="sites", sites=ids)))
    assert f"At most {MOST_SITES} sites at a time." in refused


def test_one_user_is_found_by_name_email_or_number(
    browser: Client, installer: User, site: Site
) -> None:
    mia = make_family_member(site, installer, "Mia Meyer")
    mia.user.phone = "+491701234567"
    mia.user.save()
    make_site(make_installer(), "Mia Stranger")
    for words in ("meyer", str(mia.user.email), "+49 170"):
        asked = form(receivers="one", act="look", find_person=words)
        page = text_of(browser.post(NEW, asked))
        assert re.findall(r'name="resident" value="(\d+)"', page) == [str(mia.pk)]
    nobody = form(receivers="one", act="look", find_person="stranger")
    assert "Nobody is found." in text_of(browser.post(NEW, nobody))

    browser.post(NEW, form(receivers="one", resident=str(mia.pk)))
    run_jobs()
    assert [one.resident for one in Message.objects.get().receipts.all()] == [mia]
    assert "Mia Meyer" in text_of(browser.get(LIST))


def test_looking_around_sends_nothing_and_loses_nothing(
    browser: Client, site: Site
) -> None:
    for act in ("look", "fill", "all_sites", "nonsense"):
        page = text_of(browser.post(NEW, form(act=act, title="Kept", text="Kept too")))
        assert 'value="Kept"' in page
        assert "Kept too" in page
        assert "Nothing was saved yet" not in page
    assert not Message.objects.exists()


def test_templates_are_kept_and_filled_in(browser: Client, installer: User) -> None:
    templates = f"{LIST}templates/"
    assert "No templates yet" in text_of(browser.get(templates))
    words = {"title": "Upgrade", "text": "Dear {name}"}
    browser.post(f"{templates}new/", words)
    template = MessageTemplate.objects.get()
    again = text_of(browser.post(f"{templates}new/", words))
    assert "Another template has this title." in again
    assert "at most 127" in text_of(
        browser.post(f"{templates}new/", words | {"title": "t" * 300})
    )

    one = f"{templates}{template.pk}/"
    changed = words | {"text": "Dear {name} of {house}", "version": "1"}
    browser.post(f"{one}edit/", changed)
    for filled in (
        browser.get(NEW, {"template": template.pk}),
        browser.post(NEW, form(act="fill", template=str(template.pk), title="")),
    ):
        assert 'value="Upgrade"' in text_of(filled)
        assert "Dear {name} of {house}" in text_of(filled)
    stranger = make_template(make_installer(), "Foreign")
    page = text_of(browser.get(NEW, {"template": stranger.pk}))
    assert "Foreign" not in page
    # A message keeps its own words, whatever template was last chosen.
    browser.post(NEW, form(template=str(template.pk)))
    assert Message.objects.get().title == "News"

    assert "Upgrade" in text_of(browser.get(templates, {"q": "house"}))
    assert "Nothing found" in text_of(browser.get(templates, {"q": "nothing"}))
    browser.post(f"{one}delete/")
    assert "No templates yet" in text_of(browser.get(templates))


def test_a_message_is_deleted_after_it_is_said_what_that_does(
    browser: Client, installer: User, site: Site
) -> None:
    sent = make_message(installer, "Went")
    run_jobs()
    waiting = make_message(installer, "Waits", send_at=utcnow() + timedelta(hours=1))
    waits, went = f"{LIST}{waiting.pk}/delete/", f"{LIST}{sent.pk}/delete/"
    assert "vanishes from the inbox of 1 receiver" in text_of(browser.get(went))
    assert "It will not be sent." in text_of(browser.get(waits))
    for page in (waits, went):
        assert "is deleted." in text_of(browser.post(page, follow=True))
        assert browser.get(page).status_code == 404
    assert not Message.objects.exists()


def test_the_list_is_searched_filtered_and_exported(
    browser: Client, installer: User, site: Site
) -> None:
    assert "No messages yet" in text_of(browser.get(LIST))
    make_message(installer, "=Sum", text="needle")
    run_jobs()
    make_message(
        installer,
        "Later",
        receivers=Receivers.SITES,
        site_ids=[site.pk],
        to_monitors=True,
        send_at=utcnow() + timedelta(hours=1),
    )

    def shown(**query: str) -> tuple[bool, bool]:
        page = text_of(browser.get(LIST, query))
        return ">=Sum<" in page, ">Later<" in page

    assert shown() == (True, True)
    assert shown(q="needle") == (True, False)
    assert shown(state="scheduled") == (False, True)
    assert shown(receivers="sites") == (False, True)
    assert shown(receivers="one") == (False, False)
    assert "1 site" in text_of(browser.get(LIST))
    export = browser.get(LIST, {"export": "csv", "sort": "title"})
    lines = b"".join(export).decode("utf-8-sig").splitlines()
    assert lines[0] == "Title,Receivers,State,Sent,Delivered,Read,Time,Author"
    assert lines[1].startswith('\'=Sum,"All users, App",sent,1,0,0,')
    assert lines[2].startswith(
        'Later,"1 site, App and indoor monitors",scheduled,0,0,0,'
    )


def test_lists_cost_the_same_with_one_and_three(
    browser: Client, installer: User, site: Site
) -> None:
    message = make_message(installer)
    run_jobs()

    def add_two() -> None:
        for _ in range(2):
            make_message(installer, receivers=Receivers.SITES, site_ids=[site.pk])
        run_jobs()

    assert_constant_queries(browser, LIST, add_two)
    make_template(installer)
    templates = f"{LIST}templates/"

    def add_two_templates() -> None:
        for title in "ab":
            make_template(installer, title)

    assert_constant_queries(browser, templates, add_two_templates)
    everybody = make_message(installer)
    run_jobs()
    for _ in range(2):
        make_family_member(site, installer)
    many = make_message(installer)
    run_jobs()
    assert (everybody.receipts.count(), many.receipts.count()) == (1, 3)
    assert queries_of(browser, f"{LIST}{many.pk}/") == queries_of(
        browser, f"{LIST}{message.pk}/"
    )


def test_a_sub_installer_finds_his_sites_people_and_messages_alone(
    installer: User, site: Site
) -> None:
    make_message(installer, "Owner's")
    sub = client_of(make_person(installer, Role.SUB_INSTALLER).user)
    page = text_of(sub.get(NEW))
    assert "Ryan" not in page
    assert 'name="sites"' not in page
    assert "Owner's" not in text_of(sub.get(LIST))
    sub.post(NEW, form(title="Mine"))
    run_jobs()
    mine = Message.objects.get(title="Mine")
    assert mine.receipts.count() == 0
    assert "No receivers" in text_of(sub.get(f"{LIST}{mine.pk}/"))


def test_a_visitor_looks_and_sends_nothing(db: None) -> None:
    pair = Pair()
    message = make_message(pair.ida)
    template = make_template(pair.ida)
    pair.offer()
    pair.grant()
    assert pair.enter()

    for path in ("", f"{message.pk}/", "templates/"):
        page = text_of(pair.desk.get(f"{LIST}{path}"))
        assert "/message/new/" not in page
        assert "/delete/" not in page
    for path in (
        "new/",
        f"{message.pk}/edit/",
        f"{message.pk}/delete/",
        "templates/new/",
        f"templates/{template.pk}/edit/",
        f"templates/{template.pk}/delete/",
    ):
        assert pair.desk.post(f"{LIST}{path}", form()).status_code == 404, path
    assert Message.objects.get() == message
    assert MessageTemplate.objects.get() == template
