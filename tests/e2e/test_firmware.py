"""An image is uploaded in a real browser."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from playwright.sync_api import FilePayload, expect

from portico.firmware.models import FirmwareVersion
from tests.e2e.screen import Screen, assert_shown_well
from tests.factories import make_operator

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def image(name: str) -> FilePayload:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("system.img", b"image" * 1_000_000)
    return {"name": name, "mimeType": "application/zip", "buffer": made.getvalue()}


def test_what_was_chosen_stays_chosen_until_it_is_right(
    screen: Screen, transactional_db: None
) -> None:
    screen.sign_in(make_operator("otto"))
    screen.open("/operator/firmware/")
    screen.page.get_by_role("link", name="Upload", exact=True).click()
    form = screen.page.locator("#upload-form")
    form.get_by_label("File").set_input_files(image("R29_29.30.10.128.zip"))
    # Its name says which version it is.
    version = form.get_by_label("Version", exact=True)
    expect(version).to_have_value("29.30.10.128")
    form.get_by_label("Model").select_option("R29")
    form.get_by_label("Version Log").fill("Mends calls.")
    version.fill("29.30.10.129")
    send = form.get_by_role("button", name="Upload")
    send.click()
    expect(form.get_by_text("says that it is version 29.30.10.128")).to_be_visible()
    expect(form.get_by_role("progressbar")).to_be_hidden()
    assert_shown_well(screen, "a refused image")
    assert form.get_by_label("File").evaluate("field => field.files.length") == 1
    # While it is on its way the page says so.
    screen.page.evaluate(
        """() => {
            const words = document.querySelector("[data-upload-state] [role=status]");
            const note = () => { window.said = [...(window.said ?? []), words.textContent]; };
            new MutationObserver(note).observe(words, { childList: true });
            window.addEventListener("pagehide", () =>
                sessionStorage.setItem("said", window.said.join("|")));
        }"""
    )
    version.fill("29.30.10.128")
    send.click()
    expect(screen.page).to_have_url(re.compile(r"/operator/firmware/\d+/$"))
    done = screen.page.get_by_text("R29 29.30.10.128 is there for every installer.")
    expect(done).to_be_visible()
    said = screen.page.evaluate("sessionStorage.getItem('said')")
    assert said.endswith("All is sent. It is being checked and kept.")
    assert FirmwareVersion.objects.get().artifact.size > 5_000_000
