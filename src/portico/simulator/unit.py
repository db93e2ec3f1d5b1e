"""One virtual device: its parts, its life (boot, reboot, resets) and what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from portico.kernel.mac import parse_mac
from portico.simulator import firmware_faults as faults
from portico.simulator.actions import ActionSender
from portico.simulator.autop_client import (
    FIRMWARE_KEY,
    REBOOT_KEY,
    RESET_KEY,
    URL_KEY,
    AutopClient,
    Outcome,
)
from portico.simulator.calls import CallLine
from portico.simulator.catalogue import Model
from portico.simulator.core import Core, Phase, World, logger
from portico.simulator.directory import Directory
from portico.simulator.factory import AUTOP
from portico.simulator.firmware import BadFirmware, FirmwareSlot, Image
from portico.simulator.pnp import PnpClient
from portico.simulator.readers import Readers
from portico.simulator.relays import RelayBoard

# Device seconds. Real units take 30 to 60; short enough that a demo does not wait, long
# enough that a poller every few seconds sees the gap.
REBOOT_SECONDS: Final = 8.0
# Real seconds: the answer to the request that asked for the reboot leaves first.
LAST_WORDS_SECONDS: Final = 0.1

# A unit that starts twice is up so long in between: a server may take it for done.
AGAIN_SECONDS: Final = 4.0

PhaseListener = Callable[[Phase], Awaitable[None]]


class Unit:
    """A virtual device without its listeners (see ``virtual`` and ``light``).

    Make it inside a running event loop, then :meth:`power_on`; :meth:`close` at the
    end. With a state directory in ``world`` it goes on where it was.
    """

    def __init__(self, *, mac: str, model: Model, world: World) -> None:
        self.core = Core(model=model, mac=parse_mac(mac), world=world)
        self.actions = ActionSender(self.core)
        self.relays = RelayBoard(self.core, self.actions)
        self.calls = CallLine(self.core, self.actions)
        self.directory = Directory(self.core)
        self.readers = Readers(
            self.core,
            actions=self.actions,
            relays=self.relays,
            directory=self.directory,
        )
        self.firmware = FirmwareSlot(self.core)
        self.autop = AutopClient(self.core, is_busy=lambda: self.calls.busy)
        self.autop.on_finish(self._autop_finished)
        self.pnp = PnpClient(self.core, self._told)
        # Status of account 1 in system/info: 0 off, 1 registering, 2 registered, 3 failed.
        self.registration = 0
        # Letters of the inputs that are closed now.
        self.inputs: set[str] = set()
        self._listeners: list[PhaseListener] = []
        self._moving = False
        self._boots_again = False

    @property
    def mac(self) -> str:
        return self.core.mac

    @property
    def model(self) -> Model:
        return self.core.model

    @property
    def provisioning_url(self) -> str:
        return self.core.settings[URL_KEY]

    def on_phase(self, listener: PhaseListener) -> None:
        """Await ``listener`` at every change of phase, before events are sent."""
        self._listeners.append(listener)

    def provision(self, url: str, *, label: bool = False) -> None:
        """Set the provisioning URL as an installer does in the web page.

        A ``label`` URL survives a factory reset. An online unit runs AutoP at once.
        """
        if label:
            self.core.state.label_url = url
        self.core.settings.apply({URL_KEY: url})
        self.core.touch()
        if self.core.online:
            self.autop.trigger()

    async def power_on(self, *, earlier: float = 0.0) -> None:
        """Boot: listeners up, ``SetupCompleted``, AutoP according to its mode.

        :param earlier: see :meth:`AutopClient.start`.
        """
        self.core.booted_at = self.core.loop.time()
        await self._enter(Phase.ONLINE)
        self.actions.fire("SetupCompleted")
        self.autop.start(earlier=earlier)
        if not self.provisioning_url:
            self.pnp.start()

    async def power_off(self, phase: Phase) -> None:
        """Stop doing anything; ``phase`` says why."""
        self.autop.stop()
        await self.pnp.stop()
        self.relays.power_off()
        self.calls.power_off()
        self.inputs.clear()
        await self._enter(phase)

    def reboot(self) -> None:
        """Be away for :data:`REBOOT_SECONDS`, then boot."""
        if not self._moving:
            self._moving = True
            self.core.spawn(self._reboot())

    def reset_config(self) -> None:
        """Factory configuration, and AutoP forgets its files; lists and URL stay."""
        kept = {
            key: value
            for key, value in self.core.state.config.items()
            if key.startswith(f"{AUTOP}GENERAL.")
        }
        self.core.settings.reset()
        self.core.settings.apply(kept)
        self.autop.clear_md5()
        self.reboot()

    def reset_factory(self) -> None:
        """As new: no lists, no logs, no URL unless one is on the label."""
        state = self.core.state
        for stored in (
            state.users,
            state.schedules,
            state.contacts,
            state.groups,
            state.door_log,
            state.call_log,
            state.messages,
        ):
            stored.clear()
        state.weather.clear()
        state.next_ids.clear()
        self.core.settings.reset()
        self.autop.clear_md5()
        if state.label_url:
            self.core.settings.apply({URL_KEY: state.label_url})
        self.reboot()

    def hang_up(self) -> bool:
        """End a call; an AutoP run that waited for it starts."""
        ended = self.calls.hang_up()
        if ended:
            self.autop.call_ended()
        return ended

    def install(self, image: Image) -> None:
        """Write a checked image and reboot into it."""
        self.firmware.install(image)
        self._boots_again = faults.REBOOTS_TWICE in self.core.faults
        if faults.RESETS in self.core.faults:
            self.reset_factory()
        else:
            self.reboot()

    def upgrade_from(self, url: str, *, then_reset: bool = False) -> None:
        """Download an image in the background and install it, if it is another.

        :param then_reset: factory reset afterwards, also when the image is refused:
            an AutoP file may order both.
        """
        self.core.spawn(self._upgrade(url, then_reset=then_reset))

    async def close(self) -> None:
        """Stop for good and keep the memory."""
        await self.power_off(Phase.OFF)
        await self.core.cancel_tasks()
        self.core.save()

    async def go_offline(self) -> None:
        """Pull the network cable."""
        if self.core.phase is Phase.ONLINE:
            await self.power_off(Phase.OFFLINE)

    async def go_online(self) -> None:
        """Plug it in again: the unit boots (most are powered over that cable)."""
        if self.core.phase is Phase.OFFLINE:
            await self.power_on()

    async def _reboot(self) -> None:
        try:
            await asyncio.sleep(LAST_WORDS_SECONDS)
            await self.power_off(Phase.REBOOTING)
            await asyncio.sleep(self.core.world.clock.real(REBOOT_SECONDS))
        finally:
            self._moving = False
        if faults.BRICKS in self.core.faults:
            await self._enter(Phase.OFFLINE)
            return
        await self.power_on()
        if self._boots_again:
            self._boots_again = False
            self.core.later(AGAIN_SECONDS, self.reboot)

    async def _upgrade(self, url: str, *, then_reset: bool) -> None:
        try:
            image = await self.firmware.download(url)
        except BadFirmware as error:
            logger.info("%s: firmware refused: %s", self.mac, error.code)
        else:
            if image.version != self.core.state.firmware:
                self.install(image)
        if then_reset:
            self.reset_factory()

    def _autop_finished(self, outcome: Outcome) -> None:
        orders = outcome.orders
        if not self.core.online:
            return
        if FIRMWARE_KEY in orders:
            self.upgrade_from(orders[FIRMWARE_KEY], then_reset=RESET_KEY in orders)
        elif RESET_KEY in orders:
            self.reset_factory()
        elif REBOOT_KEY in orders:
            self.reboot()

    def _told(self, url: str) -> None:
        """Plug and play has found an address; one that was typed meanwhile stays."""
        if not self.provisioning_url:
            self.provision(url)

    async def _enter(self, phase: Phase) -> None:
        self.core.phase = phase
        for listener in self._listeners:
            await listener(phase)
