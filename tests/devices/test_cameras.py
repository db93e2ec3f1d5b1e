"""Third-party cameras: who gets one, what is kept of it, and what a test leaves."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction

from portico.audit.models import AuditEntry
from portico.devices.enums import CommandKind, CommandState
from portico.devices.errors import (
    BadCameraAccount,
    BadCameraAddress,
    BadLink,
    IdempotencyMismatch,
    TooManyCameras,
)
from portico.devices.models import Camera, CameraPicture, Command
from portico.devices.selectors import (
    all_waiting_commands,
    app_cameras,
    camera_picture_file,
    get_visible_camera,
    latest_tests,
    waiting_commands,
)
from portico.devices.services import cameras
from portico.devices.services.cameras import (
    CameraData,
    add_camera,
    change_camera,
    remove_camera,
    try_camera,
)
from portico.devices.services.commands import expire_commands, mark_sent, record_result
from portico.devices.services.pictures import forget_old_pictures, store_picture
from portico.events.models import LogEntry
from portico.houses.services.turnover import delete_house, reset_house
from portico.kernel.clock import utcnow
from portico.kernel.errors import ChangedMeanwhile, NotVisible
from portico.sites.errors import PlanNeeded
from tests.factories import (
    JPEG,
    make_bridge,
    make_community,
    make_device,
    make_installer,
    make_site,
)
from tests.factories.cameras import (
    CAMERA_ADDRESS,
    CAMERA_PASSWORD,
    end_premium,
    make_camera,
    make_camera_picture,
    make_premium,
    make_test,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
Commits = Callable[..., AbstractContextManager[Any]]
DATA = CameraData(name="Garden", address=CAMERA_ADDRESS, user="admin")


class House:
    def __init__(self) -> None:
        self.installer = make_installer()
        self.site = make_premium(make_site(self.installer))
        self.door = make_device(self.site, self.installer)

    def add(self, **fields: object) -> Camera:
        data = replace(DATA, **fields)  # type: ignore[arg-type]  # what CameraData takes
        return add_camera(actor=self.installer, site=self.site, data=data, now=utcnow())

    def change(self, camera: Camera, version: int = 1, **fields: object) -> None:
        data = replace(DATA, **fields)  # type: ignore[arg-type]  # what CameraData takes
        change_camera(
            actor=self.installer,
            camera=Camera.objects.get(pk=camera.pk),
            data=data,
            version=version,
            now=utcnow(),
        )


@pytest.fixture
def house() -> House:
    return House()


def test_password_is_sealed_and_nowhere_else(house: House) -> None:
    camera = house.add(password=CAMERA_PASSWORD, linked=[house.door.pk])

    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM devices_camera")
        assert CAMERA_PASSWORD not in cursor.fetchone()[0]
    camera.refresh_from_db()
    assert camera.password == CAMERA_PASSWORD
    assert (camera.host, camera.port, camera.path) == (
        "192.168.1.64",
        8554,
        "/stream1?a=b",
    )
    assert camera.organization_id == house.site.organization_id
    [entry] = AuditEntry.objects.filter(action="camera.added")
    assert entry.after == {
        "name": "Garden",
        "address": CAMERA_ADDRESS,
        "linked": [house.door.mac],
    }
    assert CAMERA_PASSWORD not in repr(replace(DATA, password=CAMERA_PASSWORD))


def test_credentials_of_the_address_move_to_their_fields(house: House) -> None:
    camera = house.add(address="rtsp://root:p%40ss@192.168.1.64/x", user="")

    assert (camera.user, camera.password) == ("root", "p@ss")
    assert camera.public_address == "rtsp://192.168.1.64/x"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"address": "rtsp://root@cam/", "user": "admin"}, "user"),
        ({"address": "rtsp://:a@cam/", "password": "b"}, "password"),
        ({"user": "a\nb"}, "user"),
        ({"password": "x" * 128}, "password"),
        ({"password": "a", "forget_password": True}, "password"),
    ],
)
def test_credentials_that_contradict_or_cannot_be_sent_are_refused(
    house: House, fields: dict[str, object], field: str
) -> None:
    with pytest.raises(BadCameraAccount) as refused:
        house.add(**fields)

    assert refused.value.field == field
    assert not Camera.objects.exists()


def test_address_of_the_bridge_itself_is_refused(house: House) -> None:
    with pytest.raises(BadCameraAddress):
        house.add(address="rtsp://127.0.0.1/")
    assert not Camera.objects.exists()


def test_only_door_phones_of_the_house_are_linked(house: House) -> None:
    monitor = make_device(house.site, house.installer, model="C313")
    stranger = make_device(make_site(house.installer), house.installer)

    for other in (monitor, stranger):
        with pytest.raises(BadLink):
            house.add(linked=[house.door.pk, other.pk])
    assert not Camera.objects.exists()


def test_without_a_running_premium_plan_nothing_is_added_changed_or_tested(
    house: House,
) -> None:
    camera = house.add()
    end_premium(house.site)

    with pytest.raises(PlanNeeded):
        house.add()
    with pytest.raises(PlanNeeded):
        house.change(camera, name="Gate")
    with pytest.raises(PlanNeeded):
        try_camera(actor=house.installer, camera=camera, now=utcnow())
    assert [c.name for c in Camera.objects.all()] == ["Garden"]
    assert not Command.objects.exists()
    remove_camera(actor=house.installer, camera=camera, now=utcnow())
    assert not Camera.objects.exists()


def test_communities_have_none(house: House) -> None:
    estate = make_community(house.installer)

    with pytest.raises(NotVisible):
        add_camera(actor=house.installer, site=estate, data=DATA, now=utcnow())


def test_house_has_a_bounded_number(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras, "MOST", 1)
    house.add()

    with pytest.raises(TooManyCameras):
        house.add()
    assert Camera.objects.count() == 1


def test_password_stays_until_it_is_replaced_or_removed(house: House) -> None:
    camera = house.add(password=CAMERA_PASSWORD)

    house.change(camera, name="Gate")
    camera.refresh_from_db()
    assert (camera.name, camera.password) == ("Gate", CAMERA_PASSWORD)
    house.change(camera, 2, password="other")
    camera.refresh_from_db()
    assert camera.password == "other"
    house.change(camera, 3, forget_password=True)
    camera.refresh_from_db()
    assert camera.password == ""


def test_saved_password_is_not_sent_to_another_address(house: House) -> None:
    camera = house.add(password=CAMERA_PASSWORD)

    for address in ("rtsp://10.0.0.9:8554/stream1?a=b", "rtsp://192.168.1.64:99/"):
        with pytest.raises(BadCameraAccount) as refused:
            house.change(camera, address=address)
        assert refused.value.field == "password"
    camera.refresh_from_db()
    assert camera.host == "192.168.1.64"
    house.change(camera, address="rtsp://10.0.0.9/", password="new")
    camera.refresh_from_db()
    assert (camera.host, camera.password) == ("10.0.0.9", "new")


def test_second_of_two_who_edit_is_told(house: House) -> None:
    camera = house.add()
    house.change(camera, name="Gate")

    with pytest.raises(ChangedMeanwhile):
        house.change(camera, name="Yard")
    camera.refresh_from_db()
    assert (camera.name, camera.version) == ("Gate", 2)


def test_app_shows_those_that_are_not_linked(house: House) -> None:
    house.add(name="Alone")
    house.add(name="Linked", linked=[house.door.pk])
    house.add(name="Monitors", monitor_in_app=False)

    assert [c.name for c in app_cameras(house.site)] == ["Alone"]


def test_picture_replaces_the_earlier_one_and_goes_with_the_camera(
    house: House, django_capture_on_commit_callbacks: Commits
) -> None:
    make_bridge(house.site, house.installer)
    camera = make_camera(house.site, house.installer)
    assert make_camera_picture(camera, house.installer)
    first = CameraPicture.objects.get().file
    with django_capture_on_commit_callbacks(execute=True):
        assert make_camera_picture(camera, house.installer, JPEG[:-2] + b"2\xff\xd9")
    assert not default_storage.exists(first)

    camera.refresh_from_db()
    assert camera_picture_file(camera) == JPEG[:-2] + b"2\xff\xd9"
    second = CameraPicture.objects.get().file
    with django_capture_on_commit_callbacks(execute=True):
        remove_camera(actor=house.installer, camera=camera, now=utcnow())
    assert not default_storage.exists(second)
    assert not Command.objects.exists()
    assert not LogEntry.objects.exists()


def test_picture_of_another_address_goes_and_does_not_come(
    house: House, django_capture_on_commit_callbacks: Commits
) -> None:
    bridge = make_bridge(house.site, house.installer)
    camera = make_camera(house.site, house.installer)
    make_camera_picture(camera, house.installer)
    file = CameraPicture.objects.get().file
    command = make_test(camera, house.installer)
    with django_capture_on_commit_callbacks(execute=True):
        house.change(camera, address="rtsp://192.168.1.64:8554/stream2")

    late = store_picture(
        bridge_id=bridge.pk, command_id=command.pk, jpeg=JPEG, now=utcnow()
    )
    assert not late
    assert not CameraPicture.objects.exists()
    assert not default_storage.exists(file)


@pytest.mark.parametrize("leave", [reset_house, delete_house])
def test_pictures_go_with_the_tenant_and_with_the_house(
    house: House,
    leave: Callable[..., None],
    django_capture_on_commit_callbacks: Commits,
) -> None:
    make_bridge(house.site, house.installer)
    camera = make_camera(house.site, house.installer)
    make_camera_picture(camera, house.installer)
    file = CameraPicture.objects.get().file
    with django_capture_on_commit_callbacks(execute=True):
        leave(actor=house.installer, site=house.site, now=utcnow())

    assert not CameraPicture.objects.exists()
    assert not default_storage.exists(file)
    assert not Command.objects.filter(kind=CommandKind.CAMERA_PICTURE).exists()
    # The house keeps its cameras as it keeps its devices.
    assert Camera.objects.exists() == (leave is reset_house)


def test_old_pictures_go_with_the_companys_log(house: House) -> None:
    make_bridge(house.site, house.installer)
    make_camera_picture(make_camera(house.site, house.installer), house.installer)
    of = house.site.organization_id

    forget_old_pictures(organization_id=of, before=utcnow() - timedelta(days=1))
    assert CameraPicture.objects.count() == 1
    forget_old_pictures(organization_id=of, before=utcnow())
    assert not CameraPicture.objects.exists()


def test_test_is_one_order_at_a_time(house: House) -> None:
    make_bridge(house.site, house.installer)
    camera, other = house.add(), house.add(name="Gate")

    def ordered(of: Camera, key: str = "") -> Command:
        return try_camera(
            actor=house.installer, camera=of, idempotency_key=key, now=utcnow()
        )

    first = ordered(camera, "key")
    assert first.state == CommandState.REQUESTED
    assert ordered(camera) == ordered(camera, "key") == first
    assert ordered(other) != first
    with pytest.raises(IdempotencyMismatch):
        ordered(other, "key")
    with pytest.raises(IntegrityError), transaction.atomic():
        Command.objects.create(
            camera=camera,
            kind=CommandKind.CAMERA_PICTURE,
            state=CommandState.REQUESTED,
            requested_at=utcnow(),
            expires_at=utcnow(),
        )


def test_order_is_for_a_device_or_for_a_camera(house: House) -> None:
    camera = house.add()
    for target in ({}, {"camera": camera, "device": house.door}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Command.objects.create(
                kind=CommandKind.TAKE_PICTURE,
                state=CommandState.FAILED,
                requested_at=utcnow(),
                expires_at=utcnow(),
                **target,
            )


def test_test_waits_for_the_bridge_of_its_own_house_alone(house: House) -> None:
    bridge = make_bridge(house.site, house.installer)
    foreign = House()
    other = make_bridge(foreign.site, foreign.installer)
    camera = house.add()
    command = try_camera(actor=house.installer, camera=camera, now=utcnow())

    assert waiting_commands(bridge) == [command.pk]
    assert waiting_commands(other) == []
    assert all_waiting_commands() == [(house.site.pk, command.pk)]
    mark_sent(command_id=command.pk, now=utcnow())
    sent: dict[str, Any] = {"command_id": command.pk, "now": utcnow()}
    assert not store_picture(bridge_id=other.pk, jpeg=JPEG, **sent)
    told: dict[str, Any] = sent | {
        "state": CommandState.FAILED,
        "reason": "no_stream",
        "at": utcnow(),
    }
    assert not record_result(bridge_id=other.pk, **told)
    assert record_result(bridge_id=bridge.pk, **told)
    [found] = latest_tests([camera]).values()
    assert (found.state, found.reason) == (CommandState.FAILED, "no_stream")
    assert found.why == (
        "The camera shows no video at this address. Check the part behind the port."
    )


def test_test_without_a_bridge_is_refused_and_a_silent_one_given_up(
    house: House,
) -> None:
    camera = house.add()
    denied = try_camera(actor=house.installer, camera=camera, now=utcnow())
    assert (denied.state, denied.reason) == (CommandState.DENIED, "bridge_needed")
    make_bridge(house.site, house.installer)
    make_test(camera, house.installer)

    assert expire_commands(now=utcnow() + timedelta(minutes=1)) == 1
    found = latest_tests([camera])[camera.pk]
    assert (found.state, found.reason) == (CommandState.TIMED_OUT, "no_answer")
    assert found.why == "No answer from the camera."
    actions = AuditEntry.objects.filter(action="camera.camera_picture")
    assert actions.count() == 2


def test_foreign_camera_does_not_exist(house: House) -> None:
    camera, stranger = house.add(), House()
    places = [
        (stranger.installer, house.site.pk, camera.pk),
        (house.installer, stranger.site.pk, camera.pk),
        (house.installer, uuid.uuid4(), camera.pk),
        (house.installer, house.site.pk, camera.pk + 1),
    ]

    for actor, site_id, camera_id in places:
        with pytest.raises(NotVisible):
            get_visible_camera(actor, site_id, camera_id)
    assert get_visible_camera(house.installer, house.site.pk, camera.pk) == camera


@pytest.mark.django_db(transaction=True)
def test_limit_holds_when_two_add_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "MOST", 1)
    house, start, refused = House(), threading.Barrier(2), list[str]()

    def add() -> None:
        start.wait()
        try:
            house.add()
        except TooManyCameras as error:
            refused.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert refused == ["too_many_cameras"]
    assert Camera.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_test_at_once_get_the_same_order() -> None:
    house, start, got = House(), threading.Barrier(2), list[uuid.UUID]()
    make_bridge(house.site, house.installer)
    camera = house.add()

    def test() -> None:
        mine = Camera.objects.get(pk=camera.pk)
        start.wait()
        try:
            order = try_camera(actor=house.installer, camera=mine, now=utcnow())
            got.append(order.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=test) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 2
    assert len(set(got)) == 1
    assert Command.objects.count() == 1
