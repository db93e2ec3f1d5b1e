"""Images go to the unit or the bridge that was told to fetch them, and can be taken back."""

from __future__ import annotations

import hashlib
import re
import socket
import uuid
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from prometheus_client import REGISTRY

from portico.devices.models import Bridge, Command
from portico.firmware.enums import UpgradeState
from portico.firmware.models import DeviceUpgrade, FirmwareVersion
from portico.firmware.services.campaigns import pause, stop
from portico.firmware.services.delivery import image_address
from portico.gateway import image_transfer, images
from portico.gateway.limits import Pace
from portico.kernel.clock import utcnow
from portico.protocols.bridge import signing
from tests.conftest import MemoryBus
from tests.factories.firmware import make_version
from tests.firmware.world import World
from tests.gateway.server import RunningGateway, running_gateway
from tests.waiting import eventually

pytestmark = pytest.mark.integration

BODY = bytes(range(256)) * 4000
# More than the buffers of both ends hold.
HUGE = 24 * 1024 * 1024


def counted(result: str) -> float:
    name = "portico_images_total"
    return REGISTRY.get_sample_value(name, {"result": result}) or 0.0


class Fetching:
    """A house whose one unit was offered an image."""

    def __init__(
        self,
        gateway: RunningGateway,
        body: bytes = BODY,
        *,
        bridge: bool = False,
        version: FirmwareVersion | None = None,
    ) -> None:
        self.gateway = gateway
        self.world = World(bridges=bridge)
        [self.device] = self.world.devices
        self.body = body
        self.version = version or make_version(content=body, name="29 (new).zip")
        self.campaign = self.world.order([self.device], self.version)
        self.world.tick(seconds=1)
        assert self.state == "offered"

    @property
    def row(self) -> DeviceUpgrade:
        return self.world.row(self.device)

    @property
    def state(self) -> str:
        return self.row.state

    @property
    def path(self) -> str:
        address = image_address(self.row, until=utcnow() + timedelta(hours=1))
        base = settings.ENVIRONMENT.devices_base
        assert address.startswith(f"{base}/i/")
        return address.removeprefix(base)

    def get(self, method: str = "GET", path: str = "", **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        address = f"{self.gateway.base}{path or self.path}"
        return httpx.request(method, address, headers=named, trust_env=False)

    def take_back(self) -> None:
        stop(actor=self.world.installer, campaign=self.campaign, now=utcnow())


class SlowUnit:
    """Asks for an image, and reads no further than it is told to."""

    def __init__(self, fetching: Fetching) -> None:
        host, port = fetching.gateway.sip[0], int(fetching.gateway.base.split(":")[-1])
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        self._socket.settimeout(60)
        self._socket.connect((host, port))
        ask = f"GET {fetching.path} HTTP/1.1\r\nHost: portico\r\n\r\n"
        self._socket.sendall(ask.encode())
        self.head = b""
        while b"\r\n\r\n" not in self.head:
            self.head += self._socket.recv(4096)
        self.head, _, self.body = self.head.partition(b"\r\n\r\n")

    def read(self, most: int) -> bytes:
        """Until there are ``most`` bytes, or the other side has closed."""
        parts, size = [self.body], len(self.body)
        while size < most and (part := self._socket.recv(1024 * 1024)):
            parts.append(part)
            size += len(part)
        self.body = b"".join(parts)
        return self.body

    def close(self) -> None:
        self._socket.close()


def test_a_unit_has_its_image_and_then_it_installs(gateway: RunningGateway) -> None:
    unit = Fetching(gateway)
    head = unit.get("HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(BODY))
    # To have looked is not to have begun.
    assert unit.state == "offered"
    answer = unit.get()
    assert answer.status_code == 200
    assert answer.content == BODY
    assert dict(answer.headers) | {"date": ""} == {
        "content-type": "application/octet-stream",
        "accept-ranges": "bytes",
        "cache-control": "private, no-store",
        "content-length": str(len(BODY)),
        "etag": f'"{hashlib.sha256(BODY).hexdigest()}"',
        "content-disposition": 'attachment; filename="29__new_.zip"',
        "date": "",
    }
    assert unit.state == "installing"
    assert unit.row.bytes_sent == len(BODY)


def test_a_broken_download_goes_on_where_it_was(gateway: RunningGateway) -> None:
    unit = Fetching(gateway)
    first = unit.get(range="bytes=0-99999")
    assert (first.status_code, len(first.content)) == (206, 100_000)
    assert first.headers["content-range"] == f"bytes 0-99999/{len(BODY)}"
    assert (unit.state, unit.row.bytes_sent) == ("downloading", 100_000)
    # Another file than the one that was begun is sent from its beginning.
    tag = first.headers["etag"]
    other = unit.get(range="bytes=100000-100009", if_range='"other"')
    assert (other.status_code, other.content) == (200, BODY)
    unit = Fetching(gateway, version=unit.version)
    part = unit.get(range="bytes=100000-199999", if_range=tag)
    assert (part.status_code, part.content) == (206, BODY[100_000:200_000])
    assert unit.state == "downloading"
    beyond = unit.get(range=f"bytes={len(BODY)}-")
    assert beyond.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{len(BODY)}"
    assert unit.state == "downloading"
    rest = unit.get(range="bytes=200000-")
    assert (rest.status_code, rest.content) == (206, BODY[200_000:])
    # Whoever has the last byte has it all.
    assert unit.state == "installing"


def test_the_end_alone_is_the_end_too(gateway: RunningGateway) -> None:
    unit = Fetching(gateway)
    assert unit.get(range="bytes=-1").content == BODY[-1:]
    assert unit.state == "installing"
    unit = Fetching(gateway, version=unit.version)
    assert unit.get(range=f"bytes=0-{len(BODY) - 2}").content == BODY[:-1]
    assert unit.state == "downloading"


def test_what_was_taken_back_is_not_given(gateway: RunningGateway) -> None:
    unit = Fetching(gateway)
    path = unit.path
    unit.take_back()
    assert unit.get(path=path).status_code == 404
    assert unit.state == UpgradeState.CANCELLED


def test_wrong_addresses_are_nothing(gateway: RunningGateway) -> None:
    unit = Fetching(gateway)
    before = counted("not_found")
    late = image_address(unit.row, until=utcnow() - timedelta(seconds=1))
    wrong = re.sub("/i/.", "/i/z", unit.path)
    for path in (late.removeprefix(settings.ENVIRONMENT.devices_base), wrong, "/i/"):
        assert unit.get(path=path).status_code == 404
    eventually(lambda: counted("not_found") == before + 3)
    assert unit.get("POST").status_code == 405
    assert unit.state == "offered"


def test_who_asks_all_the_time_waits(
    transactional_db: None, bus: MemoryBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    del transactional_db
    monkeypatch.setattr(images, "_PER_SECOND", 0.0)
    monkeypatch.setattr(images, "_BURST", 2.0)
    with running_gateway(bus) as gateway:
        unit = Fetching(gateway)
        answers = [unit.get(path="/i/guess/x").status_code for _ in range(3)]
        assert answers == [404, 404, 429]
        assert unit.get().status_code == 429
        assert unit.state == "offered"


def test_the_last_part_does_not_leave_when_it_was_taken_back(
    gateway: RunningGateway,
) -> None:
    unit = Fetching(gateway, b"x" * HUGE)
    before = counted("taken_back")
    with closing(SlowUnit(unit)) as reader:
        reader.read(1)
        assert unit.state == "downloading"
        unit.take_back()
        assert len(reader.read(HUGE)) < HUGE
    assert unit.state == UpgradeState.CANCELLED
    eventually(lambda: counted("taken_back") == before + 1)


def test_a_pause_takes_a_download_back(gateway: RunningGateway) -> None:
    unit = Fetching(gateway, b"x" * HUGE)
    with closing(SlowUnit(unit)) as reader:
        reader.read(1)
        pause(actor=unit.world.installer, campaign=unit.campaign, now=utcnow())
        assert len(reader.read(HUGE)) < HUGE
    assert unit.state == UpgradeState.QUEUED


def test_a_unit_is_past_return_only_when_the_last_part_leaves(
    gateway: RunningGateway,
) -> None:
    unit = Fetching(gateway, b"x" * HUGE)
    with closing(SlowUnit(unit)) as reader:
        reader.read(HUGE // 4)
        assert unit.state == "downloading"
        assert len(reader.read(HUGE)) == HUGE
        assert unit.state == "installing"


def test_a_client_that_leaves_is_noticed(gateway: RunningGateway) -> None:
    unit = Fetching(gateway, b"x" * HUGE)
    before = counted("client_left")
    reader = SlowUnit(unit)
    now = "portico_images_sending"
    eventually(lambda: REGISTRY.get_sample_value(now) == 1)
    reader.close()
    eventually(lambda: counted("client_left") == before + 1)
    assert REGISTRY.get_sample_value(now) == 0
    assert unit.state == "downloading"


def test_a_client_that_takes_nothing_is_left(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_transfer, "STALLED_SECONDS", 0.1)
    unit = Fetching(gateway, b"x" * HUGE)
    before = counted("stalled")
    with closing(SlowUnit(unit)) as reader:
        eventually(lambda: counted("stalled") == before + 1)
        assert len(reader.read(HUGE)) < HUGE
    assert unit.state == "downloading"


def test_a_site_has_so_many_at_once_and_others_are_not_hindered(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MOST_OF_SITE", 2)
    unit = Fetching(gateway, b"x" * HUGE)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(closing(SlowUnit(unit)))
        refused = unit.get()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
        other = Fetching(gateway, version=unit.version)
        assert len(other.get().content) == HUGE
        monkeypatch.setattr(images, "MOST_TRANSFERS", 2)
        third = Fetching(gateway, version=unit.version)
        assert third.get().status_code == 503
        assert third.state == "offered"


def test_the_transfers_of_a_site_share_one_pace(
    transactional_db: None, bus: MemoryBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    del transactional_db
    taken: list[tuple[int, int, float]] = []

    class Recorded(Pace):
        def __init__(self, rate: float) -> None:
            super().__init__(0)
            self.rate = int(rate)

        async def take(self, cost: float) -> None:
            taken.append((id(self), self.rate, cost))

    monkeypatch.setattr(images, "Pace", Recorded)
    with running_gateway(bus, image_rate=5_000) as gateway:
        unit = Fetching(gateway, b"x" * HUGE)
        with closing(SlowUnit(unit)), closing(SlowUnit(unit)):
            other = Fetching(gateway, version=unit.version)
            assert len(other.get(range="bytes=0-9").content) == 10
            [first, second] = {key for key, _, _ in taken}
            assert {rate for _, rate, _ in taken} == {5_000}
            spent = {first: 0.0, second: 0.0}
            for key, _, cost in taken:
                spent[key] += cost
            # Of the other site, that alone; of this one, both that have begun.
            assert 10 in spent.values()


def test_a_lost_file_is_not_half_an_image(gateway: RunningGateway) -> None:
    unit = Fetching(gateway)
    name = unit.version.artifact.file
    default_storage.delete(name)
    assert unit.get().status_code == 404
    default_storage.save(name, ContentFile(BODY[:-1]))
    assert unit.get().status_code == 404
    assert unit.state == "offered"


class Box:
    """A bridge, its key, and the order that it was given."""

    def __init__(
        self, gateway: RunningGateway, version: FirmwareVersion | None = None
    ) -> None:
        self.house = Fetching(gateway, bridge=True, version=version)
        self.key = signing.generate_private_key()
        self.bridge: Bridge = self.house.world.bridge(self.house.device)
        public = signing.to_base64url(signing.public_key(self.key))
        Bridge.objects.filter(pk=self.bridge.pk).update(public_key=public)
        assert self.house.world.takes(self.house.device)
        told = self.house.world.told(self.house.device)
        assert told is not None
        self.order: Command = told

    def get(
        self,
        *,
        order: uuid.UUID | None = None,
        part: str = "image",
        key: bytes = b"",
        method: str = "GET",
        **headers: str,
    ) -> Any:
        order = order or self.order.pk
        signature = signing.sign_firmware(
            key or self.key, order, method="GET", part=part, body=b""
        )
        return self.house.get(
            method,
            f"/bridge/v1/firmware/{order}/image",
            Portico_Bridge=str(self.bridge.pk),
            Portico_Signature=signing.to_base64url(signature),
            **headers,
        )


def test_a_bridge_fetches_what_it_was_ordered_to(gateway: RunningGateway) -> None:
    box = Box(gateway)
    other = Box(gateway, box.house.version)
    assert box.get(order=other.order.pk).status_code == 404
    assert box.get(key=other.key).status_code == 404
    assert box.get(part="configuration").status_code == 404
    assert box.get(order=uuid.uuid4()).status_code == 404
    assert box.get(method="HEAD").status_code == 405
    assert box.house.state == "offered"
    part = box.get(range="bytes=5-")
    assert (part.status_code, part.content) == (206, BODY[5:])
    whole = box.get()
    assert (whole.status_code, whole.content) == (200, BODY)
    assert whole.headers["etag"] == f'"{hashlib.sha256(BODY).hexdigest()}"'
    # A bridge asks again before the unit writes it.
    assert box.house.state == "downloading"
    assert box.house.row.bytes_sent == len(BODY)
    box.house.take_back()
    assert box.get().status_code == 404
