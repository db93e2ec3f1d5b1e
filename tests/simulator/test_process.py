"""The simulator as a process: command line, control API, bridges."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from portico.simulator.bridges import BridgeSupervisor
from portico.simulator.cli import EXIT_USAGE, main
from portico.simulator.testing import SimulatorError, SimulatorProcess
from tests.simulator.support import MAC, until

pytestmark = pytest.mark.integration

OTHER = "0C1105000002"
# Stands in for `portico bridge`: notes its arguments and stays, or crashes once.
BRIDGE = """
import os, pathlib, signal, sys
data = pathlib.Path(sys.argv[sys.argv.index("--data") + 1])

def stop(number, frame):
    (data / "stopped").touch()
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
with (data / "starts").open("a") as file:
    token = os.environ.get("PORTICO_BRIDGE_TOKEN", "")
    file.write(" ".join(sys.argv[1:]) + f" token={token}\\n")
if (data / "crash").exists():
    (data / "crash").unlink()
    sys.exit(3)
while True:
    signal.pause()
"""


def _eventually(condition: Callable[[], object], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def test_house_file_starts_units(tmp_path: Path) -> None:
    house = tmp_path / "house.json"
    units = [
        {"mac": "0c:11:05:00:00:01", "model": "r20a", "url": "", "name": "Gate"},
        {"mac": OTHER, "model": "C313"},
    ]
    house.write_text(json.dumps(units))

    with SimulatorProcess(arguments=("--house", str(house))) as simulator:
        devices = simulator.ready["devices"]

        assert [(each["mac"], each["model"], each["kind"]) for each in devices] == [
            (MAC, "R20A", "door_phone"),
            (OTHER, "C313", "indoor_monitor"),
        ]
        assert devices[0]["name"] == "Gate"
        assert devices[0]["rtsp_port"] > 0
        assert devices[1]["rtsp_port"] == 0
        with socket.create_connection((devices[0]["host"], devices[0]["port"])):
            pass


def test_devices_are_added_changed_and_removed_over_the_control_api() -> None:
    with SimulatorProcess() as simulator:
        first = simulator.add_device(MAC, "X916", name="Gate")
        again = simulator.add_device(MAC, "X916", "http://127.0.0.1:9/p/")

        assert again["port"] == first["port"]
        assert again["url"] == "http://127.0.0.1:9/p/"
        assert [each["mac"] for each in simulator.devices()] == [MAC]
        with pytest.raises(SimulatorError, match="409"):
            simulator.add_device(MAC, "R20A")
        with pytest.raises(SimulatorError, match="422"):
            simulator.add_device(OTHER, "R2D2")
        simulator.remove_device(MAC)
        assert simulator.devices() == []
        with pytest.raises(SimulatorError, match="404"):
            simulator.act(MAC, "pin", code="1234")


def test_acts_and_details_over_the_control_api() -> None:
    with SimulatorProcess() as simulator:
        simulator.add_device(MAC, "X916")
        simulator.configure(
            MAC,
            {
                "Config.Features.ACTIONURL.Enable": "1",
                "Config.Features.ACTIONURL.RelayATriggered": "http://127.0.0.1:9/e",
            },
        )

        assert simulator.act(MAC, "pin", code="1234") == {"granted": False}
        opened = simulator.act(MAC, "pin", code="1234", force="granted")
        fired = simulator.wait_fired(MAC, "RelayATriggered")
        details = simulator.device(MAC)

        assert opened == {"granted": True}
        assert fired == [{"url": "http://127.0.0.1:9/e", "status": 0}]
        assert details["relays"]["A"] is True
        assert details["api_password"] == "httpapi"
        assert details["failed_action_urls"] == 1
        assert len(details["door_log"]) == 2
        with pytest.raises(SimulatorError, match="422"):
            simulator.act(MAC, "dance")
        with pytest.raises(SimulatorError, match="504"):
            simulator.wait_fired(MAC, "HangUp", seconds=0.05)


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}])
def test_control_api_wants_its_token(header: dict[str, str]) -> None:
    with SimulatorProcess() as simulator:
        address = simulator.ready["control"]
        answer = httpx.post(
            f"{address}/devices",
            json={"mac": MAC, "model": "R20A"},
            headers=header,
            trust_env=False,
        )

        assert answer.status_code == 401
        assert simulator.devices() == []


def test_bad_bodies_are_refused() -> None:
    with SimulatorProcess() as simulator:
        client = simulator._client
        assert client is not None
        answers = [
            client.post("/devices", content=b"{"),
            client.post("/devices", json=[]),
            client.post("/devices", json={"mac": 1, "model": "R20A"}),
            client.post("/bridges", json={"name": "../x", "server": "http://x"}),
            client.post("/bridges", json={"name": "x", "server": "ftp://x"}),
        ]

        assert [answer.status_code for answer in answers] == [422] * 5


def test_state_comes_back_after_a_restart(tmp_path: Path) -> None:
    with SimulatorProcess(state=tmp_path) as simulator:
        port = simulator.add_device(MAC, "X916", name="Gate")["port"]
        simulator.act(MAC, "pin", code="1234")
        simulator.add_device(OTHER, "C313")
        simulator.remove_device(OTHER)

    with SimulatorProcess(state=tmp_path) as simulator:
        devices = simulator.ready["devices"]

        assert [(each["mac"], each["name"]) for each in devices] == [(MAC, "Gate")]
        assert devices[0]["model"] == "X916"
        assert devices[0]["port"] == port
        assert len(simulator.device(MAC)["door_log"]) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it_cleanly(number: int) -> None:
    with SimulatorProcess() as simulator:
        simulator.add_device(MAC, "X916")
        os.kill(simulator.pid, number)
        assert simulator._process is not None

        assert simulator._process.wait(10) == 0


def _run(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "portico.simulator", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )
    return done.returncode, done.stderr


def test_port_in_use_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, error = _run("--control", address, "--control-token", "x")

    assert code == EXIT_USAGE
    assert error == (
        f"portico simulate: cannot listen on {address}: Address already in use\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("{", "Expecting"),
        ("{}", "entry 1 needs mac"),
        ('[{"mac": "0C1105000001"}]', "entry 1 needs mac"),
        ('[{"mac": "0C1105000001", "model": "R20A", "x": 1}]', "entry 1 needs mac"),
        ('[{"mac": "nonsense", "model": "R20A"}]', "InvalidMac: nonsense"),
        ('[{"mac": "0C1105000001", "model": "R2D2"}]', "UnknownModel: R2D2"),
    ],
)
def test_bad_house_file_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Any, message: str
) -> None:
    house = tmp_path / "house.json"
    if content is not None:
        house.write_text(content)

    code = main(["--house", str(house)])

    error = capsys.readouterr().err
    assert code == EXIT_USAGE
    assert error.startswith("portico simulate: ")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to simulate"),
        (["--control", "127.0.0.1:0"], "needs --control-token"),
        (["--control", "nonsense", "--control-token", "x"], "HOST:PORT"),
        (["--mac", MAC, "--time-scale", "0"], "greater than 0"),
    ],
)
def test_usage_errors(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.delenv("PORTICO_SIM_CONTROL_TOKEN", raising=False)

    assert main(arguments) == EXIT_USAGE
    assert message in capsys.readouterr().err


def test_bad_state_file_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "units").mkdir()
    (tmp_path / "units" / f"{MAC}.json").write_text("[]")

    assert main(["--state", str(tmp_path)]) == EXIT_USAGE
    assert f"{MAC}.json" in capsys.readouterr().err


@pytest.fixture
def fake_bridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``portico`` package whose ``bridge`` only takes notes, seen by children."""
    package = tmp_path / "fake" / "portico"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(BRIDGE)
    monkeypatch.setattr(
        "portico.simulator.bridges.COMMAND",
        [sys.executable, str(package / "__main__.py"), "bridge"],
    )
    return tmp_path / "state"


def test_bridges_are_started_restarted_and_stopped(fake_bridge: Path) -> None:
    data = fake_bridge / "bridges" / "home"
    starts = data / "starts"

    def lines() -> list[str]:
        return starts.read_text().splitlines() if starts.exists() else []

    async def first() -> None:
        supervisor = BridgeSupervisor(fake_bridge, pnp=None)
        data.mkdir(parents=True)
        (data / "crash").touch()
        await supervisor.put(name="home", server="http://127.0.0.1:9", token="once")
        await until(lambda: len(lines()) == 2)
        assert supervisor.shown()[0]["running"] is True
        assert supervisor.shown()[0]["starts"] == 2
        await supervisor.close()

    async def second() -> None:
        supervisor = BridgeSupervisor(fake_bridge, pnp=None)
        supervisor.load()
        await until(lambda: len(lines()) == 3)
        assert await supervisor.remove("home")
        assert not await supervisor.remove("home")
        await supervisor.close()

    asyncio.run(first())
    assert (data / "stopped").exists()
    assert "once" not in (fake_bridge / "bridges.json").read_text()
    asyncio.run(second())

    common = f"bridge --server http://127.0.0.1:9 --data {data} --listen 127.0.0.1:0 --no-pnp"
    assert lines() == [
        f"{common} token=once",
        f"{common} token=once",
        f"{common} token=",
    ]
    assert json.loads((fake_bridge / "bridges.json").read_text()) == []


def test_bridge_order_over_the_control_api(tmp_path: Path) -> None:
    with SimulatorProcess(state=tmp_path) as simulator:
        shown = simulator.start_bridge("http://127.0.0.1:9", "token", "home")
        _eventually(lambda: simulator.bridges()[0]["starts"] >= 1)

        assert shown["name"] == "home"
        assert Path(shown["data"]) == tmp_path / "bridges" / "home"
        entries = json.loads((tmp_path / "bridges.json").read_text())
        assert entries == [{"name": "home", "server": "http://127.0.0.1:9"}]
