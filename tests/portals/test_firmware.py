"""Firmware: what the operator uploads and says of it, and what installers see (FW-1)."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.models import Device
from portico.firmware.models import Artifact, FirmwareVersion
from portico.firmware.services import images, versions
from portico.sites.models import Site
from tests.factories import make_device, make_operator, organization_of
from tests.factories.firmware import NEW, OLD, make_campaign, make_version
from tests.portals.conftest import client_of
from tests.portals.support import HTMX, assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

BASE = "/operator/firmware/"
ROM = b"\x27\x05\x19\x56 any image " * 40


@pytest.fixture
def otto(db: None) -> User:
    return make_operator("otto")


@pytest.fixture
def desk(otto: User) -> Client:
    return client_of(otto)


def zipped(name: str = "system.img", content: bytes = b"image" * 99) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, content)
    return made.getvalue()


def upload(desk: Client, content: bytes = b"", **fields: str) -> Any:
    name = fields.pop("name", f"R29_{NEW}.zip")
    data: dict[str, object] = {"model": "R29", "version": NEW, "log": "Mends calls."}
    data |= fields
    data["file"] = SimpleUploadedFile(name, content or zipped())
    return desk.post(f"{BASE}new/", data)


def kept() -> set[str]:
    """What lies in the storage."""
    folder = Path(settings.STORAGES["default"]["OPTIONS"]["location"], "firmware")
    return {f"firmware/{one.name}" for one in folder.glob("*")}


def runs(device: Device, firmware: str, model: str = "R29") -> None:
    Device.objects.filter(pk=device.pk).update(model=model, firmware=firmware)


def test_an_image_is_kept_and_measured(
    desk: Client, otto: User, browser: Client
) -> None:
    content = zipped()
    before = kept()
    answer = upload(desk, content)
    version = FirmwareVersion.objects.get()
    assert answer.headers["Location"] == f"{BASE}{version.pk}/"
    image = version.artifact
    assert (version.model, version.version, version.log) == ("R29", NEW, "Mends calls.")
    assert version.created_by_name == otto.name
    assert kept() - before == {image.file}
    assert (image.name, image.size) == (f"R29_{NEW}.zip", len(content))
    assert image.sha256 == hashlib.sha256(content).hexdigest()
    assert image.md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()
    with default_storage.open(image.file) as file:
        assert file.read() == content
    entry = AuditEntry.objects.get(action="firmware.uploaded")
    assert entry.organization_id == organization_of(otto).pk
    assert entry.after["sha256"] == image.sha256
    log = text_of(desk.get("/operator/setting/audit/"))
    assert f"uploaded the firmware R29 {NEW}" in log
    # Everybody sees it, with what proves that it is the right one.
    for client, base in ((desk, BASE), (browser, "/installer/firmware/")):
        assert "Mends calls." in text_of(client.get(base))
        page = text_of(client.get(f"{base}{version.pk}/"))
        assert image.sha256 in page
        assert "Mends calls." in page


def test_an_upload_by_script_is_led_to_its_page(desk: Client) -> None:
    data = {"model": "R29", "version": NEW, "log": "x"}
    file = SimpleUploadedFile("a.zip", zipped())
    answer = desk.post(f"{BASE}new/", data | {"file": file}, headers=HTMX)
    there = f"{BASE}{FirmwareVersion.objects.get().pk}/"
    assert answer.headers["HX-Redirect"] == there
    assert "is there for every installer" in text_of(desk.get(there))


@pytest.mark.parametrize(
    ("fields", "content", "says"),
    [
        ({"name": "a.rom"}, b"", "Images for R29 end with .zip."),
        ({"name": "x" * 124 + ".zip"}, b"", "a shorter name"),
        ({"version": "29.30"}, b"", "Numbers with dots"),
        ({"version": "29.30.10.a"}, b"", "Numbers with dots"),
        ({"version": "29.30.\u0661\u0660.1"}, b"", "Numbers with dots"),
        ({"version": "29.30.10.1.2.3"}, b"", "Numbers with dots"),
        ({"version": "320.30.10.1"}, b"", "Versions of R29 begin with 29."),
        ({"version": "29.30.10.1"}, b"", f"that it is version {NEW}."),
        ({"name": "320.1.2.3.zip"}, b"", "that it is version 320.1.2.3."),
        ({}, b"PK\x03\x04 no archive", "not a ZIP archive"),
        ({}, ROM, "not a ZIP archive"),
        # Its list says that version 25.5 of the format is needed.
        ({}, zipped().replace(b"PK\1\2\x14\3\x14", b"PK\1\2\x14\3\xff"), "not a ZIP"),
        ({"model": "R999"}, b"", "Select a valid choice"),
        ({"log": ""}, b"", "This field is required"),
    ],
)
def test_what_is_no_image_of_that_version_is_refused(
    desk: Client, fields: dict[str, str], content: bytes, says: str
) -> None:
    before = kept()
    assert says in text_of(upload(desk, content, **fields))
    assert not FirmwareVersion.objects.exists()
    assert kept() == before


def test_an_empty_file_and_one_that_is_too_large_are_refused(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {"model": "R29", "version": NEW, "log": "x"}
    empty = SimpleUploadedFile("a.zip", b"")
    page = text_of(desk.post(f"{BASE}new/", data | {"file": empty}))
    assert "The file is empty." in page
    monkeypatch.setattr(images, "MAX_BYTES", 1024 * 1024)
    large = zipped(content=b"x" * 1024 * 1024)
    assert "at most 1 MB" in text_of(upload(desk, large))
    assert not FirmwareVersion.objects.exists()


def test_a_rom_is_taken_for_a_unit_that_wants_one(desk: Client) -> None:
    version = "320.30.10.153"
    fields = {"model": "R20B", "version": version, "name": "R20BX3 320.30.10.153.ROM"}
    upload(desk, ROM, **fields)
    assert Artifact.objects.get().file.endswith(".rom")
    # Models with the same numbers share their images, under the same version alone.
    fields["model"] = "R20K"
    assert upload(desk, ROM, **fields).status_code == 302
    other = {"model": "R20K", "version": "320.30.10.154", "name": "a.rom"}
    assert "The same image is there already" in text_of(upload(desk, ROM, **other))
    assert len(kept() & {one.file for one in Artifact.objects.all()}) == 2


def test_a_version_is_there_once(desk: Client) -> None:
    upload(desk)
    before = kept()
    again = upload(desk, zipped(content=b"other"))
    assert "This version is there already." in text_of(again)
    assert FirmwareVersion.objects.count() == 1
    assert kept() == before


def test_nothing_is_half_kept(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept()

    def no_row(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the process ends here")

    monkeypatch.setattr(versions, "record", no_row)
    with pytest.raises(RuntimeError):
        upload(desk)
    assert not FirmwareVersion.objects.exists()
    assert kept() == before
    monkeypatch.undo()

    def no_room(self: object, chunk_size: object = None) -> Any:
        yield b"the first piece"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(images._Measured, "chunks", no_room)
    assert "no room" in text_of(upload(desk))
    assert not FirmwareVersion.objects.exists()
    assert kept() == before


def test_the_log_is_edited(desk: Client) -> None:
    version = make_version()
    there = f"{BASE}{version.pk}/"
    assert "What is new." in text_of(desk.get(f"{there}log/"))
    answer = desk.post(f"{there}log/", {"log": "Mends more."})
    assert answer.headers["Location"] == there
    version.refresh_from_db()
    assert version.log == "Mends more."
    entry = AuditEntry.objects.get(action="firmware.changed")
    assert (entry.before, entry.after) == (
        {"log": "What is new."},
        {"log": "Mends more."},
    )
    desk.post(f"{there}log/", {"log": "Mends more."})
    assert AuditEntry.objects.filter(action="firmware.changed").count() == 1


def test_a_bad_version_stops_its_upgrades(
    desk: Client, installer: User, site: Site
) -> None:
    version = make_version()
    device = make_device(site, installer)
    runs(device, OLD)
    campaign = make_campaign(installer, [device], version)
    there = f"{BASE}{version.pk}/"
    assert "This field is required" in text_of(
        desk.post(f"{there}mark/", {"reason": ""})
    )
    type(campaign).objects.filter(pk=campaign.pk).update(state="running")
    page = desk.post(f"{there}mark/", {"reason": "Calls break off."}, follow=True)
    assert "1 upgrade to it is paused" in text_of(page)
    assert "Calls break off." in text_of(page)
    version.refresh_from_db()
    assert version.known_bad == "Calls break off."
    assert version.marked_at is not None
    campaign.refresh_from_db()
    assert (campaign.state, campaign.pause_reason) == ("paused", "withdrawn")
    marked = AuditEntry.objects.get(action="firmware.marked")
    assert marked.after == {"reason": "Calls break off.", "paused": 1}
    desk.post(f"{there}unmark/")
    fresh = FirmwareVersion.objects.get()
    assert (fresh.known_bad, fresh.marked_at) == ("", None)
    campaign.refresh_from_db()
    assert campaign.state == "paused"
    assert AuditEntry.objects.filter(action="firmware.unmarked").count() == 1


def test_a_version_is_deleted_unless_upgrades_name_it(
    desk: Client,
    installer: User,
    site: Site,
    django_capture_on_commit_callbacks: Any,
) -> None:
    version = make_version()
    device = make_device(site, installer)
    runs(device, OLD)
    make_campaign(installer, [device], version)
    page = desk.post(f"{BASE}{version.pk}/delete/", follow=True)
    assert "There are upgrades to this version" in text_of(page)
    assert FirmwareVersion.objects.exists()
    assert not AuditEntry.objects.filter(action="firmware.deleted").exists()
    free = make_version("29.30.10.200")
    file = free.artifact.file
    with django_capture_on_commit_callbacks(execute=True):
        answer = desk.post(f"{BASE}{free.pk}/delete/")
    assert answer.headers["Location"] == BASE
    assert not default_storage.exists(file)
    assert list(FirmwareVersion.objects.all()) == [version]
    entry = AuditEntry.objects.get(action="firmware.deleted")
    assert entry.object_name == "R29 29.30.10.200"


def test_only_the_operator_changes_versions(browser: Client) -> None:
    version = make_version()
    for path in ("new/", f"{version.pk}/mark/", f"{version.pk}/delete/"):
        assert browser.post(f"{BASE}{path}", {"reason": "x"}).status_code == 404
    version.refresh_from_db()
    assert version.known_bad == ""


@pytest.mark.parametrize("base", ["/installer/firmware/", BASE])
def test_versions_are_searched_and_sorted(
    base: str, browser: Client, desk: Client
) -> None:
    client = desk if base == BASE else browser
    assert "No firmware yet" in text_of(client.get(base))
    make_version(OLD, known_bad="Calls break off.")
    make_version()
    make_version("320.30.1.1", model="R20B", name="x.rom")

    def found(query: str) -> list[str]:
        page = text_of(client.get(f"{base}?{query}"))
        names = {OLD: page.find(f"{OLD}<"), NEW: page.find(f"{NEW}<")}
        names["320.30.1.1"] = page.find("320.30.1.1<")
        return sorted((n for n in names if names[n] > 0), key=lambda n: names[n])

    assert found("") == ["320.30.1.1", NEW, OLD]
    assert found("q=128") == [NEW]
    assert found("q=R20") == ["320.30.1.1"]
    assert found("model=R29") == [NEW, OLD]
    assert found("bad=yes") == [OLD]
    assert found("bad=no") == ["320.30.1.1", NEW]
    assert found("sort=model") == ["320.30.1.1", NEW, OLD]
    assert found("sort=created") == [OLD, NEW, "320.30.1.1"]
    assert "Nothing found" in text_of(client.get(f"{base}?q=nothing"))


@pytest.mark.parametrize("base", ["/installer/firmware/", BASE])
def test_lists_cost_the_same_with_one_and_three(
    base: str, browser: Client, desk: Client
) -> None:
    make_version()

    def add_two() -> None:
        make_version(OLD)
        make_version("320.30.1.1", model="R20B")

    assert_constant_queries(desk if base == BASE else browser, base, add_two)


def test_an_installer_sees_which_of_his_devices_run_it(
    browser: Client, desk: Client, installer: User, site: Site
) -> None:
    old, new = make_version("29.30.9.5"), make_version()
    first, second, third = (make_device(site, installer) for _ in range(3))
    runs(first, new.version)
    # Older by number, though not as text.
    runs(second, old.version)
    runs(third, "320.30.1.1", model="R20B")
    page = text_of(browser.get(f"/installer/firmware/{new.pk}/"))
    own = page.split("Your devices")[1]
    assert own.count("1 device<") == 2
    assert f"model=R29&amp;firmware={NEW}" in own
    page = text_of(browser.get(f"/installer/firmware/{old.pk}/"))
    assert "There is a newer version" in page
    own = page.split("Your devices")[1]
    assert own.index("none") > own.index("1 device<")
    # Another company's devices are not his.
    stranger = text_of(desk.get(f"{BASE}{new.pk}/"))
    assert "1 device runs it" in stranger


def test_the_dashboard_tells_of_devices_on_a_bad_version(
    browser: Client, installer: User, site: Site
) -> None:
    bad = make_version(OLD, known_bad="Calls break off.")
    good = make_version(NEW)
    worse = "29.30.10.999"
    make_version(worse, known_bad="Does not start.")
    device, other = make_device(site, installer), make_device(site, installer)
    runs(other, NEW)
    assert "known to be bad" not in text_of(browser.get("/installer/"))
    runs(device, OLD)
    page = text_of(browser.get("/installer/"))
    assert "<b>1</b>device runs firmware that is known to be bad." in page
    assert 'href="/installer/devices/?bad=yes"' in page
    assert "All is well" not in page
    found = text_of(browser.get("/installer/devices/?bad=yes"))
    assert f"/installer/devices/{device.mac}/" in found
    assert f"/installer/devices/{other.mac}/" not in found
    page = text_of(browser.get(f"/installer/firmware/{bad.pk}/"))
    # The newest is no way out when it is bad itself.
    assert f"best upgraded to {NEW}" in page
    offer = f'href="/installer/upgrade/new/?version={good.pk}"'
    assert f"{offer}>Upgrade R29 to {NEW}</a>" in text_of(browser.get("/installer/"))
    assert offer in page
    assert offer in text_of(browser.get(f"/installer/firmware/{good.pk}/"))
