"""AutoP commands to many devices: from the click until all have fetched them.

Beside it what the same clients need for as many fetches that nobody ordered.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from benchmarks.processes import Installation
from benchmarks.table import Row
from portico.protocols.bridge import signing

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portico.accounts.models import User
    from portico.provisioning.models import AutopOrder

# Of growth: ten times as many devices may take this much more for each.
TARGET_GROWTH = 1.5
_LONGEST_SECONDS = 900.0
_LOOK_SECONDS = 0.1
_COMMANDS = "Config.Settings.SNTP.NTPServer2 = {}.example.org"


def run(place: Installation, *, quick: bool) -> list[Row]:
    from benchmarks.world import (  # noqa: PLC0415 -- needs models
        installer_of_units,
        make_bridges_of_units,
        make_units,
        publish_files,
    )

    few, many = (100, 500) if quick else (500, 5_000)
    units = make_units(many)
    publish_files()
    keys = [
        (str(box.id), signing.to_base64url(box.private))
        for box in make_bridges_of_units()
    ]
    place.gateway()
    place.start("worker", "portico", "worker", "--threads", "4")
    client = place.start("client", "benchmarks.boxes")
    files = {unit.mac: f"/p/{unit.file_secret}/{unit.mac}.cfg" for unit in units}
    order = {"port": place.port, "keys": keys, "files": files, "seconds": 3600}
    client.tell(json.dumps(order))
    alone = float(client.line().split()[1])
    client.line()  # all are connected
    _settle()
    actor = installer_of_units()
    small = _took(actor, few, "small")
    large = _took(actor, many, "large")
    growth = (large / many) / (small / few)
    return [
        Row(
            benchmark="batch",
            what=f"AutoP commands to {few:,} devices behind bridges, until all have fetched",
            measured=f"{small:.1f} s",
            ratio=f"{few / small:,.0f} devices/s",
        ),
        Row(
            benchmark="batch",
            what=f"the same for {many:,}, beside as many fetches that nobody ordered",
            measured=f"{large:.1f} s",
            beside=f"{alone:.1f} s",
            ratio=f"{growth:.2f}x a device",
            target=f"<= {TARGET_GROWTH}x",
            passed=growth <= TARGET_GROWTH,
        ),
    ]


def _took(actor: User, count: int, name: str) -> float:
    """Seconds from the order until all of ``count`` devices have fetched it."""
    from portico.devices.models import Device  # noqa: PLC0415 -- needs models
    from portico.kernel.clock import utcnow  # noqa: PLC0415
    from portico.kernel.ids import new_id  # noqa: PLC0415
    from portico.provisioning.enums import AutopKind  # noqa: PLC0415
    from portico.provisioning.services.autop import (  # noqa: PLC0415
        AutopData,
        Waves,
        order_commands,
    )

    ids = list(Device.objects.order_by("pk").values_list("pk", flat=True)[:count])
    data = AutopData(
        kind=AutopKind.ONE_TIME, text=_COMMANDS.format(name), token=new_id()
    )
    started = time.monotonic()
    order = order_commands(
        actor=actor,
        devices=ids,
        data=data,
        waves=Waves(size=count, minutes=1),
        now=utcnow(),
    )
    _wait(order)
    return time.monotonic() - started


def _settle() -> None:
    """Until it is noted that all have fetched what nobody ordered."""
    from django.db.models import F  # noqa: PLC0415 -- needs settings

    from portico.provisioning.models import ProvisioningFile  # noqa: PLC0415

    files = ProvisioningFile.objects.filter(fetched_at__lte=F("published_at"))
    _until_none(files, "files are not noted")


def _wait(order: AutopOrder) -> None:
    from portico.provisioning.enums import AutopState  # noqa: PLC0415 -- needs models

    waiting = order.items.exclude(state=AutopState.FETCHED)
    _until_none(waiting, "devices have not fetched")


def _until_none(rows: QuerySet[Any], what: str) -> None:
    deadline = time.monotonic() + _LONGEST_SECONDS
    while left := rows.count():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{left} {what}")
        time.sleep(_LOOK_SECONDS)
