"""Face photos: what is taken, who sees them, and how they are kept (LOG-1)."""

from __future__ import annotations

import io
import zlib
from base64 import b64encode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from PIL import Image

from portico.access.enums import CredentialKind
from portico.access.errors import BadCredential
from portico.access.models import AccessEntry, Credential, Face
from portico.access.photos import MAX_UPLOAD_BYTES, read_photo
from portico.access.services.leaving import let_member_go
from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.enums import AccessMethod
from portico.houses.services.turnover import reset_house
from portico.kernel.clock import utcnow
from portico.sites.models import Resident, Site
from portico.tenancy.enums import Role
from tests.access.live_house import FACE_MODEL, WITH_FACE, door
from tests.factories import (
    make_device,
    make_family_member,
    make_installer,
    make_person,
    make_site,
)
from tests.factories.access import make_credential, make_face, picture
from tests.portals.conftest import client_of
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration]


class House:
    def __init__(self) -> None:
        self.installer: User = make_installer()
        self.site: Site = make_site(self.installer)
        self.device = make_device(
            self.site,
            self.installer,
            model=FACE_MODEL,
            relays=[door(1, *WITH_FACE), door(2, AccessMethod.PIN)],
        )
        self.member: Resident = make_family_member(self.site, self.installer)
        self.browser: Client = client_of(self.installer)

    def page(self, more: str = "") -> str:
        people = f"/installer/sites/{self.site.pk}/people/"
        return f"{people}{self.member.pk}/access/{more}"

    def upload(self, raw: bytes, name: str = "me.jpg", **data: object) -> str:
        file = SimpleUploadedFile(name, raw)
        answer = self.browser.post(self.page("new/face/"), {"photo": file, **data})
        return text_of(answer)


@pytest.fixture
def house(db: None) -> House:
    return House()


def animated() -> bytes:
    file = io.BytesIO()
    one, two = (Image.new("RGB", (300, 300), colour) for colour in ("red", "blue"))
    one.save(file, format="PNG", save_all=True, append_images=[two])
    return file.getvalue()


def bomb() -> bytes:
    """A few bytes that say they are 30,000 pixels a side."""
    raw = bytearray(picture(kind="PNG"))
    raw[16:24] = (30_000).to_bytes(4, "big") * 2
    # The checksum of the header that was changed.
    raw[29:33] = zlib.crc32(bytes(raw[12:29])).to_bytes(4, "big")
    return bytes(raw)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "Choose a photo."),
        (b"x" * (MAX_UPLOAD_BYTES + 1), "larger than 5 MB"),
        (b"no picture at all", "no JPEG or PNG"),
        (picture(kind="GIF"), "no JPEG or PNG"),
        (picture(249, 400), "too small: at least 250 pixels"),
        (picture(8001, 300), "too many pixels: at most 8000"),
        (picture()[:-400], "The picture is broken."),
        (picture(kind="PNG")[:200], "The picture is broken."),
        (animated(), "animated"),
        (bomb(), "too many pixels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_photo_is_refused_at_its_field(
    house: House, raw: bytes, why: str
) -> None:
    make_face(house.member, house.installer)
    assert why in house.upload(raw)
    # The one that he has stays.
    assert Credential.objects.get().revoked_at is None


def test_no_file_at_all_is_refused(house: House) -> None:
    answer = house.browser.post(house.page("new/face/"), {})
    assert "Choose a photo." in text_of(answer)
    with pytest.raises(BadCredential):
        make_credential(house.member, house.installer, CredentialKind.FACE)
    assert not Credential.objects.exists()


def test_nothing_but_pixels_is_kept(house: House) -> None:
    sideways = Image.new("RGB", (1200, 600), "navy")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "SecretCamera"
    file = io.BytesIO()
    sideways.save(file, format="JPEG", exif=exif, comment="my place")
    house.upload(file.getvalue())
    kept = Face.objects.get().jpeg
    with Image.open(io.BytesIO(kept)) as image:
        # Upright, and its longest side is 800.
        assert (image.format, image.size) == ("JPEG", (400, 800))
        assert not image.getexif()
    assert b"SecretCamera" not in kept
    assert b"my place" not in kept


def test_a_see_through_png_is_set_on_white() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (300, 300), (0, 0, 0, 0)).save(file, format="PNG")
    with Image.open(io.BytesIO(read_photo(file.getvalue()).jpeg)) as image:
        assert image.getpixel((150, 150)) == (255, 255, 255)


def test_a_photo_is_sealed_and_said_nowhere(house: House) -> None:
    house.upload(picture(colour="orange"))
    face = Face.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT picture FROM access_face")
        stored = cursor.fetchone()[0]
    assert b64encode(face.jpeg[:60]).decode() not in stored
    said = " ".join(str(entry.after) for entry in AuditEntry.objects.all())
    assert face.sha256 not in said
    assert "'kind': 'face'" in said
    assert [entry.entry_id for entry in AccessEntry.objects.all()] == [
        face.credential.entry_id
    ]


def test_a_new_face_takes_the_place_of_the_old(house: House) -> None:
    first = make_face(house.member, house.installer)
    house.upload(picture(colour="orange"))
    first.refresh_from_db()
    assert first.revoked_at is not None
    live = Credential.objects.get(revoked_at=None)
    assert Face.objects.get().credential == live
    wanted = AccessEntry.objects.filter(is_wanted=True)
    assert [entry.credential for entry in wanted] == [live]
    actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions)[-2:] == ["credential.revoked", "credential.added"]


def test_only_doors_with_faces_are_offered(house: House) -> None:
    names = {relay.number: relay for relay in house.device.relays.all()}
    shown = house.browser.get(house.page("new/face/")).content.decode()
    assert f'value="{names[1].pk}"' in shown
    assert f'value="{names[2].pk}"' not in shown
    assert 'enctype="multipart/form-data"' in shown


def test_a_preview_is_small_and_kept_by_nobody(house: House) -> None:
    house.upload(picture(1200, 1200))
    made = Credential.objects.get()
    url = house.page(f"{made.pk}/photo.jpg")
    assert url in house.browser.get(house.page()).content.decode()
    answer = house.browser.get(url)
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Cache-Control"] == "private, no-store"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (160, 160)
    house.browser.post(house.page(f"{made.pk}/revoke/"))
    assert house.browser.get(url).status_code == 404
    assert url not in house.browser.get(house.page()).content.decode()


def test_others_neither_see_nor_give_a_face(house: House) -> None:
    made = make_face(house.member, house.installer)
    other = House()
    sub = make_person(house.installer, Role.SUB_INSTALLER)
    for browser in (other.browser, client_of(sub.user)):
        page = house.page(f"{made.pk}/photo.jpg")
        assert browser.get(page).status_code == 404
        file = SimpleUploadedFile("me.jpg", picture())
        answer = browser.post(house.page("new/face/"), {"photo": file})
        assert answer.status_code == 404
    # Nor under an own person's address.
    assert other.browser.get(other.page(f"{made.pk}/photo.jpg")).status_code == 404
    assert Credential.objects.get() == made
    pin = make_credential(house.member, house.installer, value="246802")
    page = house.page(f"{pin.pk}/photo.jpg")
    assert house.browser.get(page).status_code == 404


def test_who_leaves_takes_his_face_with_him(house: House) -> None:
    make_face(house.member, house.installer)
    let_member_go(actor=house.installer, resident=house.member, now=utcnow())
    assert not Face.objects.exists()
    assert not AccessEntry.objects.get().is_wanted


def test_a_reset_house_forgets_faces(house: House) -> None:
    make_face(house.member, house.installer)
    make_face(house.site.residents.get(role="master"), house.installer)
    reset_house(actor=house.installer, site=house.site, now=utcnow())
    assert not Face.objects.exists()
