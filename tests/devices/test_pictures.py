from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.core.files.storage import default_storage

from portico.devices.enums import CommandChannel, CommandKind
from portico.devices.models import Bridge, Command, Device, DevicePicture
from portico.devices.selectors import picture_file
from portico.devices.services.bridges import remove_bridge
from portico.devices.services.commands import mark_sent
from portico.devices.services.orders import request_order
from portico.devices.services.pictures import MAX_BYTES, NoPicture, store_picture
from portico.devices.services.registration import remove_device
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from tests.factories import (
    JPEG,
    make_bridge,
    make_device,
    make_installer,
    make_picture,
    make_site,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
Commits = Callable[..., AbstractContextManager[Any]]


class House:
    def __init__(self) -> None:
        self.installer = make_installer()
        self.site = make_site(self.installer)
        self.device: Device = make_device(self.site, self.installer)
        self.bridge: Bridge = make_bridge(self.site, self.installer)

    def ordered(self, kind: CommandKind = CommandKind.TAKE_PICTURE) -> Command:
        command = request_order(
            actor=self.installer,
            device=self.device,
            kind=kind,
            channel=CommandChannel.PORTAL,
            now=utcnow(),
        )
        mark_sent(command_id=command.pk, now=utcnow())
        return command

    def store(
        self, command: Command, *, jpeg: bytes = JPEG, bridge: Bridge | None = None
    ) -> bool:
        return store_picture(
            bridge_id=(bridge or self.bridge).pk,
            command_id=command.pk,
            jpeg=jpeg,
            now=utcnow(),
        )


@pytest.fixture
def house() -> House:
    return House()


def files() -> list[str]:
    if not default_storage.exists("pictures"):
        return []
    return default_storage.listdir("pictures")[1]


@pytest.fixture(autouse=True)
def clean_storage() -> None:
    for name in files():
        default_storage.delete(f"pictures/{name}")


def test_newest_picture_takes_the_place_of_the_older(
    house: House, django_capture_on_commit_callbacks: Commits
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert make_picture(house.device, house.installer)
    first = DevicePicture.objects.get().file
    newer = JPEG.replace(b"picture", b"another")
    with django_capture_on_commit_callbacks(execute=True):
        assert make_picture(house.device, house.installer, newer)

    picture = DevicePicture.objects.get()
    assert files() == [picture.file.removeprefix("pictures/")]
    assert picture.file != first
    assert picture_file(house.device) == newer


@pytest.mark.parametrize(
    "jpeg",
    [b"", b"<html>", b"\xff\xd8\xff no end", JPEG + b"<script>", b"GIF89a\xff\xd9"],
)
def test_anything_else_is_no_picture(house: House, jpeg: bytes) -> None:
    with pytest.raises(NoPicture):
        house.store(house.ordered(), jpeg=jpeg)
    assert not DevicePicture.objects.exists()
    assert files() == []


def test_too_large_is_refused(house: House) -> None:
    large = JPEG[:4] + b"x" * MAX_BYTES + JPEG[-2:]
    with pytest.raises(NoPicture):
        house.store(house.ordered(), jpeg=large)
    assert files() == []


def test_only_what_was_ordered_of_this_bridge_is_kept(house: House) -> None:
    other = House()
    command = house.ordered()
    unknown = Command(pk=uuid.uuid4())
    fetch = house.ordered(CommandKind.FETCH_CONFIGURATION)

    assert not house.store(command, bridge=other.bridge)
    assert not house.store(unknown)
    assert not house.store(fetch)
    assert not DevicePicture.objects.exists()
    assert files() == []
    assert house.store(command)


def test_answered_order_takes_no_second_picture(house: House) -> None:
    make_picture(house.device, house.installer)
    answered = Command.objects.get(kind=CommandKind.TAKE_PICTURE)

    assert not house.store(answered)
    assert len(files()) == 1


def test_removed_bridge_stores_nothing(house: House) -> None:
    command = house.ordered()
    remove_bridge(actor=house.installer, bridge=house.bridge, now=utcnow())

    assert not house.store(command)


def test_removed_device_leaves_no_file(
    house: House, django_capture_on_commit_callbacks: Commits
) -> None:
    make_picture(house.device, house.installer)
    with django_capture_on_commit_callbacks(execute=True):
        remove_device(actor=house.installer, device=house.device, now=utcnow())

    assert files() == []


def test_file_that_is_gone_is_no_picture(house: House) -> None:
    make_picture(house.device, house.installer)
    default_storage.delete(DevicePicture.objects.get().file)

    with pytest.raises(NotVisible):
        picture_file(house.device)
