"""The weather as an indoor monitor of ours fetches it: a small JSON file."""

from __future__ import annotations

import json
from datetime import datetime

from portico.devices.enums import DeviceKind
from portico.devices.models import Device
from portico.weather.selectors import facts, weather_of


def sheet_for(*, device_id: int, now: datetime) -> bytes | None:
    """The file for one monitor; None: it is none, or there is no weather."""
    monitors = Device.objects.filter(kind=DeviceKind.INDOOR_MONITOR)
    device = monitors.select_related("site").filter(pk=device_id).first()
    told = weather_of(device.site, now) if device is not None else None
    return json.dumps(facts(told)).encode() if told is not None else None
