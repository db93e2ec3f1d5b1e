"""A bridge in its house: what it takes of a small box with a few units, and with many."""

from __future__ import annotations

import time
from typing import Final

from benchmarks.processes import Installation, Program
from benchmarks.table import Row
from portico.simulator.testing import SimulatorProcess

_MODEL: Final = "R20A"
_API: Final = "Config.DoorSetting.APIFCGI."
_READY_SECONDS: Final = 120.0
# Each unit is looked at four times in it.
_WATCH_SECONDS: Final = 60.0


def run(place: Installation, *, quick: bool) -> list[Row]:
    from benchmarks.world import make_units  # noqa: PLC0415 -- needs models

    place.gateway()
    seconds = _WATCH_SECONDS / 3 if quick else _WATCH_SECONDS
    # Of one list, so that no MAC is there twice.
    units = [unit.device_id for unit in make_units(4 + 64)]
    rows: list[Row] = []
    with SimulatorProcess(arguments=("--no-rtsp",)) as simulator:
        for name, house in (("few", units[:4]), ("many", units[4:])):
            bridge = _bridge_of(place, simulator, name, house)
            before = bridge.cpu_seconds()
            time.sleep(seconds)
            share = (bridge.cpu_seconds() - before) / seconds
            mib = bridge.resident_kib() / 1024
            bridge.stop()
            rows.append(
                Row(
                    benchmark="box",
                    what=f"memory of a bridge that watches {len(house)} units,"
                    f" and its processor",
                    measured=f"{mib:.0f} MiB",
                    ratio=f"{share:.1%} of a core",
                )
            )
    return rows


def _bridge_of(
    place: Installation, simulator: SimulatorProcess, name: str, house: list[int]
) -> Program:
    """A bridge whose units are all online."""
    # They need models.
    from benchmarks.world import installer_of_units  # noqa: PLC0415
    from portico.devices.enums import PresenceVia  # noqa: PLC0415
    from portico.devices.models import Device, Presence  # noqa: PLC0415
    from portico.devices.services.bridges import invite_bridge  # noqa: PLC0415
    from portico.kernel.clock import utcnow  # noqa: PLC0415

    now = utcnow()
    devices = Device.objects.select_related("secrets", "site").filter(pk__in=house)
    site = devices[0].site
    for device in devices:
        shown = simulator.add_device(device.mac, _MODEL)
        secrets = device.secrets
        account = {f"{_API}UserName": secrets.api_user}
        account[f"{_API}Password"] = secrets.api_password
        simulator.configure(device.mac, account)
        Presence.objects.create(
            device=device,
            is_online=False,
            last_seen_at=now,
            changed_at=now,
            via=PresenceVia.BRIDGE,
            lan_address=f"{shown['host']}:{shown['port']}",
        )
    Device.objects.filter(pk__in=house).update(site=site)
    _, token = invite_bridge(actor=installer_of_units(), site=site, name=name, now=now)
    program = place.start(
        f"bridge-{name}",
        "portico.bridge.cli",
        *("--server", f"http://127.0.0.1:{place.port}"),
        *("--data", str(place.data / f"bridge-{name}"), "--listen", "127.0.0.1:0"),
        extra={"PORTICO_BRIDGE_TOKEN": token, "PORTICO_BRIDGE_PNP": "off"},
    )
    online = Presence.objects.filter(device__in=house, is_online=True)
    deadline = time.monotonic() + _READY_SECONDS
    while online.count() < len(house):
        if time.monotonic() > deadline or not program.is_running:
            raise RuntimeError(f"{online.count()} of {len(house)} units are online")
        time.sleep(0.5)
    return program
