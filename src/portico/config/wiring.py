"""The one place that plugs adapters into ports."""

from __future__ import annotations

import importlib
import sys

from django.conf import settings

from portico.config.environment import Environment
from portico.config.logs import configure_logs
from portico.integrations.dormakaba.api import dormakaba
from portico.integrations.http import Caller
from portico.integrations.salto.api import salto
from portico.kernel.bus import Bus, install_bus
from portico.kernel.bus.local import LocalBus
from portico.kernel.bus.nats import NatsBus
from portico.kernel.crypto import install_keys
from portico.kernel.queue import install_backend
from portico.locks.ports import install_brands
from portico.weather.open_meteo import OpenMeteo
from portico.weather.ports import install_weather

# Modules that define jobs; importing them registers the jobs.
TASKS = (
    "portico.mail.tasks",
    "portico.accounts.tasks",
    "portico.tenancy.tasks",
    "portico.support.tasks",
    "portico.exports.tasks",
    "portico.messaging.tasks",
    "portico.provisioning.tasks",
    "portico.access.tasks",
    "portico.events.tasks",
    "portico.weather.tasks",
    "portico.locks.tasks",
    "portico.houses.tasks",
    "portico.firmware.tasks",
    # What exports are made of.
    "portico.portals.shared.log_export",
)

# A thread that waits for a hint, or for the disk, sits beside threads that work. It would
# wait five milliseconds for the interpreter at each step, and somebody waits at a door.
_SWITCH_SECONDS = 0.000_5


def build_bus(environment: Environment) -> Bus:
    """The bus that the installation asks for."""
    if environment.bus_url.startswith("nats://"):
        return NatsBus(environment.bus_url.split(","))
    return LocalBus(environment.bus_folder)


def install() -> None:
    """Install everything; called once per process by Django's start."""
    from portico.jobs.selectors import counts_by_state  # noqa: PLC0415 -- needs models
    from portico.jobs.services.lease import enqueue_row  # noqa: PLC0415 -- needs models
    from portico.mail.outbox_folder import folder_sms  # noqa: PLC0415 -- needs settings
    from portico.mail.ports import install_sms  # noqa: PLC0415 -- beside the above

    environment: Environment = settings.ENVIRONMENT
    sys.setswitchinterval(_SWITCH_SECONDS)
    configure_logs(environment.log_format)
    install_keys(environment.keys)
    if environment.bus_url != "none":  # tests bring their own
        install_bus(build_bus(environment))
    install_backend(enqueue_row, counts_by_state)
    for module in TASKS:
        importlib.import_module(module)
    if environment.mode in {"demo", "test"}:
        install_sms(folder_sms)
    caller = Caller(may_be_local=environment.mode in {"demo", "test"})
    install_brands([dormakaba(caller), salto(caller)])
    if environment.weather_url and environment.weather_search_url:
        install_weather(
            OpenMeteo(
                search_url=environment.weather_search_url,
                forecast_url=environment.weather_url,
            )
        )
