"""What bridges say of upgrades: their own orders, signed, and what they are told then."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from portico.devices.enums import CommandKind
from portico.devices.models import Command, Device, Presence
from portico.firmware.models import DeviceUpgrade, UpgradeCampaign
from portico.firmware.services.campaigns import stop
from portico.firmware.services.scheduling import run_campaigns
from portico.kernel.clock import utcnow
from portico.protocols.bridge import firmware, signing
from portico.protocols.bridge import messages as wire
from portico.protocols.bridge.firmware import FirmwareReport, ReportState
from tests.factories import make_device, make_installer, make_seen, make_site
from tests.factories.firmware import NEW, OLD, make_campaign, make_version
from tests.gateway.bridges import HandBridge, enrol
from tests.gateway.server import RunningGateway
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]


class House:
    """A house with a bridge that the test plays."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway = gateway
        self.installer = make_installer()
        self.site = make_site(self.installer)
        self.device = make_device(self.site, self.installer)
        Device.objects.filter(pk=self.device.pk).update(firmware=OLD)
        make_seen(self.device)
        self.bridge_id, self.key, _ = enrol(gateway, self.site, self.installer)
        self.campaign: UpgradeCampaign

    @contextmanager
    def bridge(self) -> Iterator[HandBridge]:
        with HandBridge(self.gateway, self.bridge_id, self.key) as box:
            box.authenticate()
            eventually(lambda: self.site.bridges.filter(is_online=True).exists())
            yield box

    def order(self, box: HandBridge, **more: object) -> wire.Command:
        version = make_version()
        self.campaign = make_campaign(self.installer, [self.device], version, **more)
        run_campaigns(now=utcnow())
        told: wire.Command = box.expect(wire.Command)
        assert told.kind == CommandKind.UPGRADE_FIRMWARE
        box.acknowledge(told)
        return told

    def post(
        self,
        order: uuid.UUID,
        body: bytes,
        *,
        part: str = "",
        key: bytes = b"",
        signed: str | None = None,
        method: str = "POST",
    ) -> httpx.Response:
        named = part if signed is None else signed
        signature = signing.sign_firmware(
            key or self.key, order, method="POST", part=named, body=body
        )
        path = f"{order}/{part}" if part else str(order)
        return httpx.request(
            method,
            f"{self.gateway.base}/bridge/v1/firmware/{path}",
            content=body,
            headers={
                "Portico-Bridge": str(self.bridge_id),
                "Portico-Signature": signing.to_base64url(signature),
            },
            trust_env=False,
        )

    def says(self, order: uuid.UUID, state: ReportState, **more: object) -> str:
        report = FirmwareReport(state=state, **more)  # type: ignore[arg-type]
        answer = self.post(order, firmware.encode_report(report))
        return answer.json()["verdict"] if answer.is_success else ""

    @property
    def row(self) -> DeviceUpgrade:
        return DeviceUpgrade.objects.get(campaign=self.campaign)


READY = firmware.encode_report(FirmwareReport(ReportState.READY))


def test_an_order_tells_what_to_fetch_and_a_report_moves_it(
    gateway: RunningGateway,
) -> None:
    house = House(gateway)
    with house.bridge() as box:
        told = house.order(box)
        order = firmware.read_order(told.data)
        artifact = house.campaign.version.artifact
        assert order == firmware.FirmwareOrder(
            version=NEW,
            name=artifact.name,
            size=artifact.size,
            sha256=artifact.sha256,
            md5=artifact.md5,
            save=False,
        )
        assert house.says(told.id, ReportState.DOWNLOADING) == "go"
        assert house.row.state == "downloading"
        assert house.says(told.id, ReportState.DOWNLOADING, done=7) == "go"
        assert (house.row.state, house.row.bytes_sent) == ("downloading", 7)
        answer = house.post(told.id, READY)
        assert answer.json() == {"verdict": "go"}
        assert answer.headers["cache-control"] == "no-store"
        assert house.row.state == "installing"
        # Asked again, for the answer was lost.
        assert house.says(told.id, ReportState.READY) == "go"
        assert house.says(told.id, ReportState.INSTALLING) == "go"
        assert house.row.state == "installing"


def test_reports_are_the_bridges_own(gateway: RunningGateway) -> None:
    house, other = House(gateway), House(gateway)
    with house.bridge() as box:
        told = house.order(box)
        assert other.post(told.id, READY).status_code == 404
        assert house.post(told.id, READY, key=other.key).status_code == 404
        # Signed for its settings, or for another order.
        assert house.post(told.id, READY, signed="configuration").status_code == 404
        assert house.post(uuid.uuid4(), READY).status_code == 404
        assert house.post(told.id, READY, part="other").status_code == 404
        assert house.post(told.id, READY, method="PUT").status_code == 405
        assert house.post(told.id, b'{"state":"odd"}').status_code == 422
        assert house.post(told.id, b"[]").status_code == 422
        assert house.post(told.id, b'{"state":"failed"}').status_code == 422
        assert house.post(told.id, b" " * 5000).status_code == 413
        assert house.row.state == "offered"


def test_what_was_stopped_is_not_written(gateway: RunningGateway) -> None:
    house = House(gateway)
    with house.bridge() as box:
        told = house.order(box)
        assert house.says(told.id, ReportState.DOWNLOADING) == "go"
        stop(actor=house.installer, campaign=house.campaign, now=utcnow())
        assert house.says(told.id, ReportState.DOWNLOADING, done=5) != "go"
        assert house.says(told.id, ReportState.READY) != "go"
        assert house.row.state in {"aborted", "cancelled"}
        assert house.row.installing_at is None


def test_settings_are_saved_before_a_reset(gateway: RunningGateway) -> None:
    house = House(gateway)
    with house.bridge() as box:
        told = house.order(box, reset_after=True)
        assert told.data["save"] is True
        # Without them the unit is not written to.
        assert house.says(told.id, ReportState.DOWNLOADING) == "go"
        assert house.says(told.id, ReportState.READY) == "stop"
        part = firmware.CONFIGURATION
        assert house.post(told.id, b"[]", part=part).status_code == 422
        assert house.post(told.id, b"{}", part=part).status_code == 422
        settings = json.dumps({"Config.Settings.SNTP.TimeZone": "GMT+3:00"}).encode()
        unsigned = house.post(told.id, settings, part=part, signed="")
        assert unsigned.status_code == 404
        assert house.row.backup == ""
        assert house.post(told.id, settings, part=part).status_code == 204
        assert json.loads(house.row.backup) == json.loads(settings)
        large = json.dumps({"Config.A.B.C": "x" * 1_100_000}).encode()
        assert house.post(told.id, large, part=part).status_code == 413
        assert house.says(told.id, ReportState.READY) == "go"


def test_an_order_that_was_taken_back_is_not_sent(gateway: RunningGateway) -> None:
    house = House(gateway)
    with house.bridge() as box:
        told = house.order(box)
    # It waited for the bridge, and was taken back meanwhile.
    waiting = Command.objects.filter(pk=told.id)
    waiting.update(state="requested", sent_at=None)
    DeviceUpgrade.objects.update(command_id=None)
    with house.bridge() as box:
        eventually(lambda: waiting.exclude(sent_at=None).exists())
        box.send(wire.Ping(1))
        assert isinstance(box.expect(wire.Command | wire.Pong), wire.Pong)


def test_what_a_unit_says_of_its_account_is_noted(gateway: RunningGateway) -> None:
    house = House(gateway)
    presence = Presence.objects.filter(device=house.device)

    def seen(firmware: str, *, sip: bool | None) -> wire.Presence:
        unit = wire.DevicePresence(
            house.device.mac, True, "192.168.1.20", "R29C", firmware, 5, sip=sip
        )
        return wire.Presence((unit,))

    with house.bridge() as box:
        box.send(seen(OLD, sip=None))
        box.send(seen(OLD, sip=False))
        eventually(lambda: Device.objects.get(pk=house.device.pk).firmware == OLD)
        box.send(seen(OLD, sip=True))
        eventually(lambda: presence.get().sip_at is not None)
        before = presence.get().sip_at
        # It came back with another version: that it was registered is worth nothing now,
        # and that it is again is news, however soon.
        box.send(seen(NEW, sip=False))
        eventually(lambda: Device.objects.get(pk=house.device.pk).firmware == NEW)
        assert presence.get().sip_at is None
        box.send(seen(NEW, sip=True))
        eventually(lambda: presence.get().sip_at is not None)
        after = presence.get().sip_at
        assert before is not None
        assert after is not None
        assert after > before
