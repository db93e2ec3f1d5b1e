"""Published client libraries of real devices, unmodified, against virtual units."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from portico.simulator.factory import RELAY
from portico.simulator.virtual import VirtualUnit

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ROOT: Final = Path(__file__).resolve().parents[2]
REQUIREMENTS: Final = ROOT / "requirements" / "clients.txt"
DRIVER: Final = Path(__file__).parent / "third_party" / "driver.py"
VERSIONS: Final = ("python3.13", "python3.12")
# Installing from a slow index; running reports, which wait for the device to settle.
INSTALL_SECONDS: Final = 600
RUN_SECONDS: Final = 240
OPEN_ACCOUNT: Final = {
    f"{RELAY}HttpTrig": "1",
    f"{RELAY}UserName": "opener",
    f"{RELAY}Password": "sesame",
}
METHODS: Final = (
    *("get_info", "get_status", "add_user", "list_users", "modify_user"),
    *("delete_user", "add_schedule", "list_schedules", "modify_schedule"),
    *("delete_schedule", "add_group", "list_groups", "delete_group", "add_contact"),
    *("list_contacts", "modify_contact", "delete_contact", "trigger_relay"),
    *("get_relay_status", "open_door_http", "set_device_config", "get_device_config"),
    *("get_door_logs", "get_door_logs_page", "get_call_logs", "get_call_logs_page"),
    "probe_capabilities",
)


def _candidates() -> Iterator[str]:
    installed = Path.home() / ".pyenv" / "versions"
    for name in VERSIONS:
        prefix = name.removeprefix("python")
        for folder in sorted(installed.glob(f"{prefix}.*"), reverse=True):
            yield str(folder / "bin" / name)
        if found := shutil.which(name):
            yield found


def _new_python() -> str | None:
    for candidate in _candidates():
        # A pyenv shim is on PATH also for versions that are not switched on.
        works = (
            Path(candidate).exists()
            and not subprocess.run(
                [candidate, "-c", "import venv"], capture_output=True, check=False
            ).returncode
        )
        if works:
            return candidate
    return None


@pytest.fixture(scope="module")
def clients() -> str:
    """The interpreter of an environment with ``requirements/clients.txt``."""
    python = _new_python()
    if python is None:
        pytest.skip("the client libraries need Python 3.12 or newer")
    content = REQUIREMENTS.read_bytes() + python.encode()
    folder = ROOT / ".venv-clients" / hashlib.sha256(content).hexdigest()[:12]
    interpreter = folder / "bin" / "python"
    if (folder / "complete").exists():
        return str(interpreter)
    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    make = [python, "-m", "venv", str(draft)]
    subprocess.run(make, check=True, timeout=120)
    # pylocal-akuvox asks for 3.13.2 but uses nothing that 3.12 lacks.
    install = [
        str(draft / "bin" / "python"),
        *("-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--ignore-requires-python", "--require-hashes", "-r", str(REQUIREMENTS)),
    ]
    done = subprocess.run(
        install, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
    )
    if done.returncode:
        shutil.rmtree(draft)
        pytest.skip(f"the client libraries cannot be installed: {done.stderr[-200:]}")
    (draft / "complete").touch()
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return str(interpreter)


async def _drive(python: str, models: list[str], *, report: bool) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        orders: list[dict[str, Any]] = []
        for number, model in enumerate(models, start=1):
            unit = await stack.enter_async_context(
                VirtualUnit.start(
                    mac=f"0C11050000{number:02X}", model=model, config=OPEN_ACCOUNT
                )
            )
            orders.append(
                {
                    "model": model,
                    "host": unit.host,
                    "port": unit.port,
                    "user": unit.api_user,
                    "password": unit.api_password,
                    "open_user": "opener",
                    "open_password": "sesame",
                    "report": report,
                }
            )
        process = await asyncio.create_subprocess_exec(
            python,
            str(DRIVER),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(RUN_SECONDS):
            out, _ = await process.communicate(json.dumps(orders).encode())
        assert process.returncode == 0
        return dict(json.loads(out))


def test_every_method_of_pylocal_akuvox(clients: str) -> None:
    models = ["E12W", "R20A", "R20K", "X915S", "X916", "E18C", "A08S", "IT83"]

    found = asyncio.run(_drive(clients, models, report=False))

    for model in models:
        assert found[model]["methods"]["get_info"] == "ok"
        assert found[model]["methods"]["model"] == model
    for model in ("E12W", "R20K", "X916", "E18C"):
        methods = found[model]["methods"]
        assert [name for name in METHODS if methods[name] != "ok"] == []
        assert methods["user_pages"] == [10, 2, 0]
        assert methods["modified_pin"] == "8765"
        assert methods["schedule_relay"] == "1001-1"
        assert methods["relays"]["RelayA"] == 1
        assert methods["location"] == "Gate"
        assert methods["open_door_http_wrong"].startswith("AkuvoxAuthenticationError")


def test_quirks_are_seen_by_pylocal_akuvox(clients: str) -> None:
    models = ["R20A", "X915S", "A08S", "IT83"]

    found = asyncio.run(_drive(clients, models, report=False))

    methods = {model: found[model]["methods"] for model in models}
    assert "please use new interface" in methods["R20A"]["open_door_http"]
    assert methods["X915S"]["schedule_relay"] == "1001-1"
    assert methods["X915S"]["add_contact"].startswith("AkuvoxUnsupportedError")
    assert methods["A08S"]["list_contacts"].startswith("AkuvoxUnsupportedError")
    assert methods["A08S"]["delete_user"] == "ok"
    assert methods["IT83"]["trigger_relay"].startswith("AkuvoxUnsupportedError")
    assert methods["IT83"]["open_door_http"] == "ok"


def test_scanner_and_raw_reads_of_pyakuvox(clients: str) -> None:
    found = asyncio.run(_drive(clients, ["X916", "E12W"], report=False))

    scan = found["X916"]["scan"]
    assert scan["found"] == ["X916 0C:11:05:00:00:01 lighttpd/1.4.30"]
    assert scan["info"]["data"]["Status"]["FirmwareVersion"] == "916.30.10.114"
    assert isinstance(scan["status"]["data"]["SystemTime"], int)


def test_capability_report_writes_without_a_failure(clients: str) -> None:
    models = ["E12W", "R20A", "X915S", "X916", "E18C", "IT83", "A08S"]

    found = asyncio.run(_drive(clients, models, report=True))

    failed = {
        model: [
            step["name"]
            for step in found[model]["report"]["tests"]
            if step["status"] == "failed"
        ]
        for model in models
    }
    # The R20A refuses the old opening, which is what the library's matrix says.
    assert failed == {model: [] for model in models} | {"R20A": ["open_door_http"]}
    passed = [
        step["name"]
        for step in found["X916"]["report"]["tests"]
        if step["status"] == "passed"
    ]
    assert len(passed) == 29
