"""What an indoor monitor's home screen shows of the weather.

How real monitors get theirs is not published. Ours fetch ``weather.json`` from beside
their configuration after each AutoP run; see docs/simulator.md.
"""

from __future__ import annotations

import json

from portico.protocols.autop.grammar import WEATHER_NAME
from portico.simulator.actions import user_agent
from portico.simulator.catalogue import Kind
from portico.simulator.core import Core, logger
from portico.simulator.outbound import Outbound, OutboundError


async def refresh(core: Core, base: str) -> None:
    """Fetch the weather from the folder ``base``; without one the screen shows none."""
    if core.model.kind is not Kind.INDOOR_MONITOR:
        return
    way = Outbound(
        session=core.world.session,
        user_agent=user_agent(core),
        verify=core.settings.flag("Config.Settings.SECURITY.OnlyAcceptTrusted"),
    )
    try:
        reply = await way.fetch(base + WEATHER_NAME)
        told = json.loads(reply.body) if reply.status == 200 else {}
    except (OutboundError, ValueError) as error:
        logger.info("%s: weather: %s", core.mac, error)
        return
    core.state.weather = told if isinstance(told, dict) else {}
    core.touch()
