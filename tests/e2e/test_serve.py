"""One command runs Portico: it starts, restarts what dies, stops, and keeps its data."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from portico.kernel.crypto import new_key
from tests.e2e import app_client
from tests.e2e.house import House, clean_environment, command, demo, start
from tests.nats import free_port
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e]
DOOR = "0C1105D00001"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:  # type: ignore[misc]
    with demo(tmp_path_factory.mktemp("serve") / "data") as running:
        yield running


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words),
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_facts_of_the_demo_are_complete_and_private(house: House) -> None:
    facts = house.facts

    assert facts["base"] == house.base
    assert facts["installer"]["link"].startswith(f"{house.base}/sign-in/once/")
    assert {unit["kind"] for unit in facts["devices"]} == {
        "door_phone",
        "access_terminal",
        "indoor_monitor",
    }
    door = next(unit for unit in facts["devices"] if unit["mac"] == DOOR)
    assert len(door["relays"]) == 2
    assert set(door["local_api"]) == {
        "host",
        "port",
        "user",
        "password",
        "open_user",
        "open_password",
    }
    assert (house.data / "demo.json").stat().st_mode & 0o777 == 0o600


def test_resident_opens_a_real_door_and_finds_it_in_the_log(house: House) -> None:
    resident = app_client.sign_in(house)
    answer = resident.open(DOOR, "0")

    assert answer == {"result": 0, "err_code": "0", "message": "success"}
    eventually(lambda: resident.door_log()[0]["CaptureType"] == "Unlock on SmartPlus")
    newest = resident.door_log()[0]
    assert (newest["MAC"], newest["RelayName"]) == (DOOR, "Front door")


def test_resident_signs_in_by_sms(house: House) -> None:
    resident = app_client.sign_in_by_sms(house)

    assert resident.doors() == {"Front door", "Garden gate", "Garage"}


def test_killed_roles_come_back_and_doors_open_again(house: House) -> None:
    resident = app_client.sign_in(house)
    for role in ("gateway", "web", "worker", "bridge"):
        before = house.children()[role]
        os.kill(before, signal.SIGKILL)
        eventually(lambda: house.children().get(role) not in {None, before})  # noqa: B023

    def opens() -> bool:
        try:
            return bool(resident.open(DOOR, "1")["result"] == 0)
        except (httpx.HTTPError, ValueError, KeyError):
            return False

    eventually(opens, "no door opened after the restart", 90)


def test_second_start_keeps_the_data_and_ctrl_c_stops_everything(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    first = start(data)
    password = first.facts["resident"]["password"]
    app_client.sign_in(first).open(DOOR, "0")
    pids = list(first.children().values())
    assert len(pids) == 5
    assert first.stop() == 0
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]

    second = start(data, first.port)
    try:
        assert second.facts["resident"]["password"] == password
        log = app_client.sign_in(second).door_log()
        assert "Unlock on SmartPlus" in [line["CaptureType"] for line in log]
    finally:
        assert second.stop() == 0


def test_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run("serve", "--demo", "--port", port, "--data", str(tmp_path / "d"))

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr


@pytest.mark.parametrize(
    ("words", "environment", "says"),
    [
        (["--host", "192.0.2.1"], {}, "127.0.0.1 only"),
        ([], {"PORTICO_MODE": "production"}, "refuses"),
        ([], {"PORTICO_DATABASE_URL": "postgres://x/y"}, "refuses"),
        (["--data", "/proc/nowhere"], {}, "cannot use"),
    ],
)
def test_demo_refuses_what_would_make_it_dangerous(
    tmp_path: Path, words: list[str], environment: dict[str, str], says: str
) -> None:
    where = ["--port", str(free_port()), "--data", str(tmp_path / "d")]
    done = run("serve", "--demo", *where, *words, **environment)

    assert done.returncode == 2
    assert says in done.stderr


def test_production_without_settings_says_which_are_missing() -> None:
    done = run("gateway", "--port", str(free_port()))

    assert done.returncode == 2
    assert "PORTICO_SECRET_KEY" in done.stderr


def test_unknown_role_shows_the_usage() -> None:
    done = run("fly")

    assert done.returncode == 2
    assert "usage: portico ROLE" in done.stderr


def test_production_group_becomes_ready_and_sets_up_its_operator(
    tmp_path: Path,
) -> None:
    port = free_port()
    settings = clean_environment() | {
        "PORTICO_SECRET_KEY": "s" * 60,
        "PORTICO_ENCRYPTION_KEYS": new_key(),
        "PORTICO_PUBLIC_URL": "https://portico.example.org",
    }
    log = tmp_path / "log"
    where = ["--port", str(port), "--data", str(tmp_path / "data")]
    with log.open("w") as output:
        group = subprocess.Popen(
            command("serve", *where), env=settings, stdout=output, stderr=output
        )
    try:
        ready = f"Portico is ready: http://127.0.0.1:{port}"
        eventually(lambda: ready in log.read_text(), log.read_text(), 90)
        data = {"PORTICO_DATA": str(tmp_path / "data")}
        done = subprocess.run(
            command("first-operator", "--username", "olga"),
            env=settings | data,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stdout.startswith("https://portico.example.org/password/set/")
        refused = httpx.get(f"http://127.0.0.1:{port}/sign-in/", trust_env=False)
        assert refused.status_code == 400
    finally:
        group.send_signal(signal.SIGTERM)
        assert group.wait(timeout=40) == 0
