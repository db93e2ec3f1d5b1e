"""Houses and residents from a file: all of them or none (SITE-1, bulk)."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Sequence

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.houses.models import HouseImport
from portico.houses.services import importing
from portico.houses.services.importing import run_import
from portico.houses.sheet import COLUMNS
from portico.kernel.clock import utcnow
from portico.sites.models import Site
from portico.sites.services.registration import register_house
from tests.factories import make_installer, make_site, run_jobs
from tests.mails import mails_to
from tests.portals.conftest import client_of
from tests.portals.support import HTMX, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

URL = "/installer/sites/import/"


def line(**cells: str) -> list[str]:
    """A row of the file; names with underscores for the columns' spaces."""
    known = {column.lower(): column for column in COLUMNS}
    known["country"] = "Country/Region"
    values = {known[name.replace("_", " ").lower()]: cells[name] for name in cells}
    return [values.get(column, "") for column in COLUMNS]


def house(number: int, **cells: str) -> list[str]:
    return line(
        **{
            "type": "House",
            "name": f"Family {number}",
            "email": f"family{number}@example.org",
            **cells,
        }
    )


def as_csv(rows: Sequence[Sequence[str]], *, heading: bool = True) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(([COLUMNS] if heading else []) + list(rows))
    return text.getvalue().encode()


def upload(browser: Client, content: bytes, name: str = "houses.csv") -> str:
    """The page that follows, or the address of the import."""
    response = browser.post(URL, {"file": SimpleUploadedFile(name, content)})
    return str(response.headers.get("Location") or text_of(response))


def test_template_is_a_file_that_can_be_loaded(browser: Client) -> None:
    template = browser.get(f"{URL}template.csv")
    content = b"".join(template) if template.streaming else template.content
    assert content.decode("utf-8-sig").splitlines()[0] == ",".join(COLUMNS)
    assert "template.csv" in text_of(browser.get(URL))
    url = upload(browser, content)
    assert url.startswith(URL)
    assert HouseImport.objects.get().houses_total == 1


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_houses_and_members_are_loaded_and_told_when_all_are_there(
    browser: Client, kind: str
) -> None:
    rows = [
        house(
            1,
            room_name="Villa",
            country="de",
            mobile_number="0151 23456789",
            address="Lindenweg 4",
            sip_call_or_ip_call="IP",
            time_zone="Asia/Tokyo",
            language="German",
            time_format="12h",
            landline_1="040 3344556",
            premium_plan="yes",
            landline_service="Yes",
            with_indoor_monitor="x",
        ),
        line(type="Member", name="Ben", email="ben@example.org"),
        line(type="member", name="Cem", mobile_number="0151 23456780"),
        house(2, type=""),
    ]
    content = as_csv(rows)
    if kind == "xlsx":
        book = openpyxl.Workbook()
        for row in [COLUMNS, *rows]:
            book.active.append(list(row))  # type: ignore[union-attr]
        file = io.BytesIO()
        book.save(file)
        content = file.getvalue()
    url = upload(browser, content, f"houses.{kind}")
    page = text_of(browser.get(url))
    assert "All 2 houses are right" in page
    assert not Site.objects.exists()
    assert browser.post(f"{url}start/").headers["Location"] == url
    assert 'hx-trigger="every 1s"' in text_of(browser.get(url))
    run_jobs()
    page = text_of(browser.get(url))
    assert "2 houses are loaded" in page
    assert 'hx-trigger="every 1s"' not in page
    first = Site.objects.get(name="Family 1")
    assert (first.room_name, first.country, first.call_mode) == ("Villa", "DE", "ip")
    assert (first.time_zone, first.language) == ("Asia/Tokyo", "de")
    assert first.time_format == "12h"
    assert first.landlines == ["+49403344556"]
    assert first.premium_plan
    assert first.landline_service
    assert first.with_indoor_monitor
    people = first.residents.order_by("pk").values_list("user__name", "user__phone")
    assert list(people) == [
        ("Family 1", "+4915123456789"),
        ("Ben", None),
        ("Cem", "+4915123456780"),
    ]
    for address in ("family1@example.org", "ben@example.org", "family2@example.org"):
        assert len(mails_to(address)) == 1
    assert HouseImport.objects.get().rows == ""  # nobody's data is kept longer
    # A second order, and a job that comes twice, change nothing.
    browser.post(f"{url}start/")
    run_import(import_id=HouseImport.objects.get().pk, clock=utcnow)
    run_jobs()
    assert Site.objects.count() == 2
    assert len(mails_to("ben@example.org")) == 1


WRONG = [
    (line(type="House", name=""), "Name", "Enter a name."),
    (line(name="x" * 200), "Name", "At most 127 characters."),
    (line(name="A"), "Email", "Enter an email or a mobile number."),
    (line(name="A", email="no"), "Email", "not an email address"),
    (line(name="A", email="a@b.de\nBcc: x@y.de"), "Email", "not an email address"),
    (line(name="A", mobile_number="12"), "Mobile Number", "not a phone number"),
    (line(name="A", email="taken@example.com"), "Email", "Another account has"),
    (line(name="A", email="TAKEN@example.com"), "Email", "Another account has"),
    (house(3, time_zone="Mars/Base"), "Time Zone", "such as Europe/Berlin"),
    (house(3, language="Klingon"), "Language", "none of the mail languages"),
    (house(3, time_format="36h"), "Time Format", "12h or 24h"),
    (house(3, sip_call_or_ip_call="pigeon"), "SIP Call Or IP Call", "SIP or IP"),
    (house(3, landline_2="0151 23456789"), "Landline 1", "part of the Premium Plan"),
    (house(3, premium_plan="maybe"), "Premium Plan", "yes or no"),
    (house(3, landline_service="yes"), "Landline Service", "part of the Premium"),
    (house(3, type="Castle"), "Type", "House or Member"),
    (house(1, name="Twice"), "Email", "stands more than once"),
]


@pytest.mark.parametrize(("wrong", "column", "message"), WRONG)
def test_a_row_in_error_is_named_and_nothing_is_kept(
    browser: Client,
    installer: User,
    wrong: list[str],
    column: str,
    message: str,
) -> None:
    make_site(installer, email="taken@example.com")
    page = upload(browser, as_csv([house(1), wrong, house(2)]))
    shown = page.split("Rows in error</caption>")[1].split("</table>")[0]
    assert f"<td>{column}</td>" in shown
    assert message in shown
    assert "<td>3</td>" in shown or "stands more than once" in message
    assert not HouseImport.objects.exists()
    assert Site.objects.count() == 1


def test_members_without_a_house_and_a_fourth_are_refused(browser: Client) -> None:
    member = line(type="Member", name="Ben", email="ben@example.org")
    assert "no house above this member" in upload(browser, as_csv([member, house(1)]))
    rows = [house(1)] + [
        line(type="Member", name="M", email=f"m{n}@example.org") for n in range(4)
    ]
    assert "3 free family members" in upload(browser, as_csv(rows))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"x", "ends in .csv or .xlsx"),
        ("a.csv", b"\xff\xfe\x00", "not in UTF-8"),
        ("a.csv", b"", "The submitted file is empty"),
        ("a.csv", as_csv([]), "holds no rows"),
        ("a.xlsx", b"PK\x03\x04 broken", "cannot be read"),
        ("a.csv", as_csv([["House"]] * 5_001), "more than 5000 rows"),
    ],
)
def test_unfit_files_are_refused_with_the_reason(
    browser: Client, name: str, content: bytes, message: str
) -> None:
    assert message in upload(browser, content, name)
    assert not HouseImport.objects.exists()


def ordered(browser: Client, count: int) -> HouseImport:
    url = upload(browser, as_csv([house(n) for n in range(count)]))
    browser.post(f"{url}start/")
    return HouseImport.objects.get()


def test_what_cannot_be_loaded_after_all_takes_everything_back(
    browser: Client, installer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 3)
    one = ordered(browser, 10)
    # Somebody takes the email of the eighth meanwhile.
    other = make_site(installer, "Quick", email="family7@example.org")
    run_jobs()
    page = text_of(browser.get(f"{URL}{one.pk}/"))
    assert "Nothing was loaded. Row 9: Another account has this email." in page
    assert list(Site.objects.all()) == [other]
    assert not User.objects.filter(name__startswith="Family").exists()
    for number in range(10):
        assert mails_to(f"family{number}@example.org") == []
    actions = AuditEntry.objects.values_list("action", flat=True)
    assert "house_import.failed" in actions


def test_a_run_that_dies_goes_on_where_it_was(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 4)
    one, calls = ordered(browser, 10), []
    real = register_house

    def dies(**how: object) -> Site:
        calls.append(1)
        if len(calls) == 7:
            raise OSError("killed")
        return real(**how)  # type: ignore[arg-type]

    monkeypatch.setattr("portico.houses.services.importing.register_house", dies)
    with pytest.raises(OSError, match="killed"):
        run_import(import_id=one.pk, clock=utcnow)
    one.refresh_from_db()
    assert one.houses_done == Site.objects.count() == 4
    part = text_of(browser.get(f"{URL}{one.pk}/", headers=HTMX))
    assert "40 %" in part
    run_import(import_id=one.pk, clock=utcnow)
    run_jobs()
    assert Site.objects.count() == 10
    for number in range(10):
        assert len(mails_to(f"family{number}@example.org")) == 1


def test_an_import_is_its_makers_alone(browser: Client, installer: User) -> None:
    one = ordered(browser, 1)
    stranger = client_of(make_installer())
    for tail in ("", "start/", "forget/"):
        url = f"{URL}{one.pk}/{tail}"
        assert stranger.post(url).status_code == 404 if tail else True
        assert stranger.get(url).status_code in {404, 405}
    assert browser.get(f"{URL}{uuid.uuid4()}/").status_code == 404
    # What is at work is not dropped; afterwards it is, and the houses stay.
    browser.post(f"{URL}{one.pk}/forget/")
    assert HouseImport.objects.exists()
    run_jobs()
    browser.post(f"{URL}{one.pk}/forget/")
    assert not HouseImport.objects.exists()
    assert Site.objects.count() == 1
