"""A house that runs: a virtual door phone and its bridge's own process, beside the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from django.db.models import QuerySet

from portico.access.enums import CredentialKind
from portico.access.models import AccessEntry, Credential, DeviceAccess
from portico.access.services.credentials import CredentialData, add_credential
from portico.access.services.ordering import order_due
from portico.access.services.planning import plan_due
from portico.accounts.models import User
from portico.devices.enums import AccessMethod, PresenceVia
from portico.devices.models import Device
from portico.devices.rules import RelayData
from portico.devices.services.bridges import invite_bridge
from portico.devices.services.presence import Contact, record_contacts
from portico.kernel.clock import utcnow
from portico.protocols.akuvox.action_url import templates
from portico.simulator.virtual import VirtualUnit
from portico.sites.models import Resident, Site
from tests.bridge.process import BridgeProcess, bridge
from tests.factories import (
    make_device,
    make_installer,
    make_relay_data,
    make_site,
    run_jobs,
)
from tests.gateway.server import RunningGateway
from tests.waiting import LONGEST_SECONDS, eventually

_T = TypeVar("_T")
FACE_MODEL = "X916"
API = "Config.DoorSetting.APIFCGI."
METHODS = [
    AccessMethod.PIN,
    AccessMethod.CARD,
    AccessMethod.NFC,
    AccessMethod.BLUETOOTH,
    AccessMethod.QR,
]
# What it opens by where the model knows faces.
WITH_FACE = [*METHODS, AccessMethod.FACE]


def door(number: int = 1, *methods: AccessMethod) -> RelayData:
    """A relay that opens by everything, or by ``methods``."""
    made = make_relay_data(number)
    return RelayData(
        number=number,
        kind=made.kind,
        name=made.name,
        dtmf_code=made.dtmf_code,
        access_methods=methods or METHODS,
    )


class LiveHouse:
    """Calls from the test's thread; the unit lives in a loop of its own."""

    def __init__(self, gateway: RunningGateway, data: Path, model: str) -> None:
        self.gateway = gateway
        self.data = data
        self.installer: User = make_installer()
        self.site: Site = make_site(self.installer)
        self.master: Resident = self.site.residents.select_related("user").get()
        methods = WITH_FACE if model == FACE_MODEL else METHODS
        relays = [door(1, *methods), door(2, *methods)]
        self.device: Device = make_device(
            self.site, self.installer, model=model, relays=relays
        )
        self.model = model
        self.unit: VirtualUnit
        self.process: BridgeProcess
        self.log: list[Any] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.units = AsyncExitStack()
        self._boxes = AsyncExitStack()
        self._token = ""

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run ``work`` where the unit lives."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(
            LONGEST_SECONDS
        )

    def start(self) -> None:
        self._thread.start()
        secrets = self.device.secrets
        config = {f"{API}UserName": secrets.api_user}
        config[f"{API}Password"] = secrets.api_password
        unit = VirtualUnit.start(mac=self.device.mac, model=self.model, config=config)
        self.unit = self.call(self.units.enter_async_context(unit))
        contact = Contact(
            self.device.pk, utcnow(), PresenceVia.BRIDGE, self.unit.address
        )
        record_contacts(contacts=[contact])
        _, self._token = invite_bridge(
            actor=self.installer, site=self.site, name="Box", now=utcnow()
        )
        self.start_bridge()

    def start_bridge(self) -> None:
        running = bridge(self.gateway.base, self.data, token=self._token)
        self.process = self.call(self._boxes.enter_async_context(running))
        eventually(lambda: self.site.bridges.filter(is_online=True).exists())
        self.call(self._report_to_it())
        self.call(self.process.logged("device.presence", online=True))

    async def _report_to_it(self) -> None:
        """What provisioning does: the unit's reports go to its bridge."""
        to = f"http://{self.process.listen}"
        secret = self.device.secrets.event_secret
        settings = templates(to, secret, config_revision="r1")
        self.unit.unit.core.settings.apply(settings)

    def kill_bridge(self) -> None:
        self.call(self.process.kill())
        self.log += self.process.log + self.process.errors
        self.call(self._boxes.aclose())
        eventually(lambda: not self.site.bridges.filter(is_online=True).exists())

    def stop(self) -> None:
        self.call(self._boxes.aclose())
        self.log += self.process.log + self.process.errors
        self.call(self.units.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LONGEST_SECONDS)
        self._loop.close()

    def show(self, how: str, **what: str) -> bool:
        """Present a credential; whether the unit opened by itself."""

        async def act() -> bool:
            return bool((await self.unit.act(how, **what))["granted"])

        return self.call(act())

    def users(self) -> list[dict[str, str]]:
        return list(self.unit.unit.directory.items("user"))

    def tick(self) -> None:
        """What the worker does all the time."""
        run_jobs()
        plan_due(now=utcnow())
        order_due(now=utcnow())

    def after_tick(self, access: QuerySet[DeviceAccess]) -> DeviceAccess:
        """How it stands once the worker was there again."""
        self.tick()
        return access.get()

    def users_after_tick(self) -> list[dict[str, str]]:
        self.tick()
        return self.users()

    def settle(self) -> DeviceAccess:
        """Until the unit holds what it should, and that is known."""

        def is_done() -> bool:
            self.tick()
            return DeviceAccess.objects.get(device=self.device).state == "done"

        eventually(is_done, f"{DeviceAccess.objects.values()}")
        return DeviceAccess.objects.get(device=self.device)

    def give(
        self, kind: CredentialKind = CredentialKind.PIN, value: str = "", **more: Any
    ) -> Credential:
        data = CredentialData(kind=kind, value=value, **more)
        return add_credential(
            actor=self.installer, resident=self.master, data=data, now=utcnow()
        )

    def entry(self, credential: Credential) -> AccessEntry:
        return AccessEntry.objects.get(entry_id=credential.entry_id)


@contextmanager
def live_house(
    gateway: RunningGateway, data: Path, *, model: str = "R20A"
) -> Iterator[LiveHouse]:
    house = LiveHouse(gateway, data, model)
    house.start()
    try:
        yield house
    finally:
        house.stop()
