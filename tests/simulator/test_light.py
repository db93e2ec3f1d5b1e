from __future__ import annotations

import asyncio

import httpx
import pytest

from portico.simulator import acts
from portico.simulator.light import LightFleet
from tests.simulator.support import action_urls, cloud, run, until

pytestmark = pytest.mark.integration


def _mac(number: int) -> str:
    return f"0C1105{number:06X}"


def test_many_units_poll_report_and_cost_no_tasks() -> None:
    async def test() -> None:
        async with cloud() as server, LightFleet.start(contact_seconds=0.5) as fleet:
            tasks = len(asyncio.all_tasks())
            for number in range(1, 101):
                server.files[f"{_mac(number)}.cfg"] = action_urls(
                    server, AlarmTriggered="&mac=$mac&ip=$ip"
                )
                await fleet.add(mac=_mac(number), model="X916", url=server.url)
            assert len(asyncio.all_tasks()) == tasks
            units = fleet.units.values()
            await until(lambda: all(unit.autop.runs >= 2 for unit in units))
            unit = fleet.units[_mac(7)]
            await acts.act(unit, "tamper", {})
            fired = (await unit.actions.wait("AlarmTriggered", count=1, seconds=5))[0]

            assert fired.url.endswith(f"&mac={_mac(7)}&ip=127.0.0.1:{fleet.port}")
            assert {status for _, status in server.paths()} == {200, 304, 404}

    run(test())


def test_shared_server_finds_units_by_host_and_by_path() -> None:
    async def test() -> None:
        async with LightFleet.start() as fleet:
            await fleet.add(mac=_mac(1), model="X916", url="")
            await fleet.add(mac=_mac(2), model="R20A", url="")
            base = f"http://127.0.0.1:{fleet.port}"
            info = "/api/system/info"
            auth = httpx.DigestAuth("admin", "httpapi")
            async with httpx.AsyncClient(
                base_url=base, auth=auth, trust_env=False
            ) as http:
                by_path = await http.get(f"/unit/{_mac(2)}{info}")
                host = {"Host": f"unit-{_mac(1).lower()}.test"}
                by_host = await http.get(info, headers=host)
                statuses = [
                    (await http.get(path)).status_code
                    for path in (info, f"/unit/{_mac(9)}{info}", "/unit/x/api")
                ]
                await fleet.units[_mac(1)].go_offline()
                with pytest.raises(httpx.TransportError):
                    await http.get(info, headers=host)

            assert by_path.json()["data"]["Status"]["Model"] == "R20A"
            assert by_host.json()["data"]["Status"]["Model"] == "X916"
            assert statuses == [404, 404, 404]

    run(test())
