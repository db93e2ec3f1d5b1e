from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portico.accounts.models import User
from portico.devices.models import MacEntry
from portico.devices.services.mac_library import MAX_IMPORT_ROWS
from portico.portals.shared.exports import plain_cell
from portico.tenancy.enums import OrganizationKind
from tests.factories import (
    make_device,
    make_distributor,
    make_mac,
    make_member,
    make_organization,
    make_site,
    organization_of,
)
from tests.portals.conftest import client_of
from tests.portals.support import assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

LIBRARY = "/distributor/mac-library/"


@pytest.fixture
def distributor(db: None) -> User:
    return make_distributor("dora")


@pytest.fixture
def desk(distributor: User) -> Client:
    return client_of(distributor)


def upload(client: Client, name: str, content: bytes) -> str:
    file = SimpleUploadedFile(name, content)
    return text_of(client.post(f"{LIBRARY}import/", {"file": file}))


def workbook(*rows: tuple[str | None, ...]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def rows_in(preview: str) -> str:
    """What the Load button sends."""
    return preview.split('name="rows" value="', 1)[1].split('"', 1)[0]


def load(client: Client, preview: str) -> None:
    rows = rows_in(preview)
    response = client.post(f"{LIBRARY}import/load/", {"rows": rows})
    assert response.headers["Location"] == LIBRARY


def test_installer_sees_states_and_removes_only_free_ones(installer: User) -> None:
    browser, site = client_of(installer), make_site(installer, "Ryan")
    used, free = make_device(site, installer), make_mac(installer, model="R29")
    page = text_of(browser.get("/installer/mac-library/"))
    assert "Front door, Ryan&#x27;s home" in page
    assert "Free" in page
    in_use = MacEntry.objects.get(mac=used.mac)
    refused = browser.post(f"/installer/mac-library/{in_use.pk}/remove/")
    assert refused.status_code == 409
    assert browser.post(f"/installer/mac-library/{free.pk}/remove/").status_code == 302
    assert list(MacEntry.objects.values_list("mac", flat=True)) == [used.mac]


def test_anothers_house_is_not_named(installer: User) -> None:
    distributor = organization_of(installer).parent
    assert distributor is not None
    other = make_member(make_organization(OrganizationKind.INSTALLER, distributor))
    make_device(make_site(other, "Secret"), other)
    page = text_of(client_of(installer).get("/installer/mac-library/"))
    assert "Used by another installer" in page
    assert "Secret" not in page


def test_list_costs_the_same_with_one_mac_and_three(installer: User) -> None:
    site = make_site(installer)
    make_device(site, installer)

    def add() -> None:
        make_device(site, installer)
        make_mac(installer)

    assert_constant_queries(client_of(installer), "/installer/mac-library/", add)


def test_distributor_adds_one(desk: Client) -> None:
    data = {"mac": "0c-11-05-12-34-56", "model": "R29"}
    assert desk.post(f"{LIBRARY}new/", data).status_code == 302
    entry = MacEntry.objects.get()
    assert (entry.mac, entry.model) == ("0C1105123456", "R29")
    page = text_of(desk.post(f"{LIBRARY}new/", data))
    assert "This MAC is already in a library." in page
    page = text_of(desk.post(f"{LIBRARY}new/", {"mac": "xyz", "model": ""}))
    assert "A MAC has 12 hexadecimal digits" in page
    assert MacEntry.objects.count() == 1


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_is_previewed_and_then_loaded(desk: Client, separator: str) -> None:
    lines = [("MAC", "Model"), ("0C:11:05:00:00:01", "R29"), ("0c1105000002", "")]
    text = "\r\n".join(separator.join(line) for line in lines)
    page = upload(desk, "units.csv", b"\xef\xbb\xbf" + text.encode())
    assert "All 2 rows are right" in page
    assert not MacEntry.objects.exists()
    load(desk, page)
    assert set(MacEntry.objects.values_list("mac", "model")) == {
        ("0C1105000001", "R29"),
        ("0C1105000002", ""),
    }


def test_xlsx_is_previewed_and_then_loaded(desk: Client) -> None:
    content = workbook(("MAC", "Model"), ("0C1105000001", "r29"), (None, None))
    page = upload(desk, "units.xlsx", content)
    assert "1 row is right" in page
    load(desk, page)
    assert MacEntry.objects.get().model == "R29"


def test_loading_twice_loads_once_and_says_why(desk: Client) -> None:
    page = upload(desk, "units.csv", b"0C1105000001\n")
    load(desk, page)
    rows = rows_in(page)
    again = text_of(desk.post(f"{LIBRARY}import/load/", {"rows": rows}))
    assert "This MAC is already in a library." in again
    assert MacEntry.objects.count() == 1


def test_errors_are_shown_row_by_row_and_nothing_is_loaded(
    desk: Client, distributor: User
) -> None:
    listed = make_mac(distributor).mac
    rows = [
        ("MAC", "Model"),
        ("0C1105000091", "R29"),
        ("banana", "R29"),
        ("0C1105000092", "X-UNKNOWN"),
        ("0c:11:05:00:00:91", ""),
        (listed, ""),
        ("=1+1", ""),
    ]
    page = upload(desk, "units.xlsx", workbook(*rows))
    assert "5 rows are in error" in page
    assert "The model X-UNKNOWN is not in the catalogue." in page
    assert "This MAC stands in the file twice." in page
    assert "This MAC is already in a library." in page
    assert 'name="rows"' not in page
    assert MacEntry.objects.count() == 1


def bomb() -> bytes:
    """An archive of some kilobytes that unpacks to 80 MB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 80_000_000)
    return out.getvalue()


def torn() -> bytes:
    """A workbook whose sheet is broken off in the middle."""
    source, out = io.BytesIO(workbook(("MAC",), ("0C1105000001",))), io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.infolist():
            content = old.read(part)
            cut = len(content) // 2 if "sheet1" in part.filename else len(content)
            new.writestr(part.filename, content[:cut])
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pdf", b"x", "Choose a file that ends in .csv or .xlsx."),
        ("a.xlsx", b"not a workbook", "cannot be read"),
        ("a.xlsx", bomb(), "unpacks to more than it may"),
        ("a.xlsx", torn(), "cannot be read"),
        ("a.csv", b"\xff\xfe\x00", "not in UTF-8"),
        ("a.csv", b"MAC,Model\n", "holds no rows"),
        ("a.csv", b"0" * (5 * 1024 * 1024 + 1), "larger than 5 MB"),
        ("a.csv", b"x\n" * (MAX_IMPORT_ROWS + 1), "more than 20000 rows"),
        ("a.csv", b"a\x00b\n", ""),
    ],
)
def test_unfit_files_are_refused_with_the_reason(
    desk: Client, name: str, content: bytes, message: str
) -> None:
    assert message in upload(desk, name, content)
    assert not MacEntry.objects.exists()


def test_a_forged_or_stale_preview_is_refused(desk: Client) -> None:
    response = desk.post(f"{LIBRARY}import/load/", {"rows": "forged"}, follow=True)
    assert "The preview has expired" in text_of(response)
    assert not MacEntry.objects.exists()


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"]
)
def test_exported_text_is_never_a_formula(text: str) -> None:
    assert plain_cell(text) == f"'{text}"


def test_export_and_template(desk: Client, distributor: User) -> None:
    entry = make_mac(distributor, model="R29")
    export = b"".join(desk.get(f"{LIBRARY}?export=csv")).decode()
    assert f"{entry.mac[:2]}:" in export
    assert "R29,free," in export
    response = desk.get(f"{LIBRARY}template.csv")
    assert 'filename="mac-library-template.csv"' in response["Content-Disposition"]
    assert "MAC,Model" in text_of(response)


def test_sub_distributor_has_no_mac_library(distributor: User) -> None:
    sub = make_member(
        make_organization(
            OrganizationKind.SUB_DISTRIBUTOR, organization_of(distributor)
        )
    )
    client = client_of(sub)
    page = text_of(client.get("/distributor/"))
    assert "Add MAC" not in page
    assert LIBRARY not in page
    assert client.get(LIBRARY).status_code == 404
