"""``portico serve``: the embedded installation, all roles as one supervised group."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from django.db import DatabaseError

from portico.config.keys import load_or_make_keys
from portico.config.start import (
    USAGE,
    complain,
    free_port,
    port_trouble,
    start_django,
)
from portico.config.supervisor import Role, Supervisor
from portico.kernel.errors import DomainError

# Migrations are done by then; what remains is loading Django three times.
_READY_SECONDS = 90.0
_LOOK_SECONDS = 0.2
# What a damaged demo folder gives.
_ODD = (RuntimeError, LookupError, ValueError)


def main(argv: Sequence[str]) -> int:
    """Run until SIGINT or SIGTERM; returns 0, or 2 when it cannot start."""
    parser = argparse.ArgumentParser(prog="portico serve")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--data", type=Path, default=Path("var"))
    parser.add_argument("--demo", action="store_true", help="a simulated house")
    options = parser.parse_args(argv)
    trouble = _prepare(options)
    return complain(trouble) if trouble else _run(options)


def _prepare(options: argparse.Namespace) -> str:
    """Settle the environment of all roles; returns what is wrong, or ""."""
    if options.demo:
        if options.host != "127.0.0.1":
            return "the demo listens on 127.0.0.1 only"
        if os.environ.get("PORTICO_MODE", "demo") != "demo":
            return "the demo refuses to start with production settings"
        if os.environ.get("PORTICO_DATABASE_URL"):
            return "the demo refuses to start with PORTICO_DATABASE_URL set"
    trouble = port_trouble(options.host, options.port)
    if trouble:
        return trouble
    os.umask(0o077)  # the data folder holds keys and everybody's doors
    try:
        options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        return f"cannot use {options.data}: {error.strerror}"
    os.environ["PORTICO_DATA"] = str(options.data.absolute())
    if options.demo:
        os.environ["PORTICO_MODE"] = "demo"
        os.environ["PORTICO_PUBLIC_URL"] = f"http://{options.host}:{options.port}"
        os.environ.setdefault("PORTICO_LOG_FORMAT", "console")
        os.environ.update(load_or_make_keys(options.data))
        # UDP beside TCP, the same number: files stay the same from run to run.
        os.environ["PORTICO_SIP_SERVER"] = f"127.0.0.1:{options.port}"
        os.environ["PORTICO_SIMULATOR_CONTROL"] = f"http://127.0.0.1:{free_port()}"
    return start_django()


def _roles(options: argparse.Namespace, web_port: int) -> list[Role]:
    portico = (sys.executable, "-m", "portico")
    web = f"http://127.0.0.1:{web_port}"
    sip = os.environ.get("PORTICO_SIP_SERVER", "").rpartition(":")[2]
    gateway = ["gateway", "--host", options.host, "--port", str(options.port)]
    commands = {
        "web": ["web", "--port", str(web_port)],
        "gateway": [*gateway, "--web", web, *(["--sip-port", sip] if sip else [])],
        "worker": ["worker"],
    }
    # A terminal with a demo shows what a person needs; the rest is kept in files.
    folder = options.data / "log" if options.demo else None
    return [
        Role(name, [*portico, *words], log=folder and folder / f"{name}.log")
        for name, words in commands.items()
    ]


def _run(options: argparse.Namespace) -> int:
    # Models can be loaded only now.
    from portico.config.prepare import prepare_database  # noqa: PLC0415

    trouble = prepare_database()
    if trouble:
        return complain(trouble)
    supervisor = Supervisor(_roles(options, free_port()))
    signal.signal(signal.SIGINT, supervisor.stop)
    signal.signal(signal.SIGTERM, supervisor.stop)
    supervisor.start()
    announcer = threading.Thread(
        target=_announce, args=(options, supervisor), name="announce", daemon=True
    )
    announcer.start()
    supervisor.run()
    if supervisor.has_failed:
        return USAGE
    if supervisor.failed is not None:
        where = supervisor.failed.log or "above"
        return complain(f"{supervisor.failed.name} could not start; see {where}")
    return 0


def _announce(options: argparse.Namespace, supervisor: Supervisor) -> None:
    base = f"http://{options.host}:{options.port}"
    if not _wait_ready(base, supervisor):
        if not supervisor.is_stopping:
            complain(f"not ready after {_READY_SECONDS:.0f} seconds")
            if options.demo:  # a real house's group goes on trying
                supervisor.fail()
        return
    if not options.demo:
        _say(f"Portico is ready: {base}")
        return
    from portico.config.demo import start_house  # noqa: PLC0415 -- needs models

    try:
        lines = start_house(options.data, base, supervisor)
    except (OSError, httpx.HTTPError, DomainError, DatabaseError, *_ODD) as error:
        complain(f"the simulated house did not start: {error}")
        supervisor.fail()
        return
    _say(f"Portico is ready: {base}", *lines)


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _wait_ready(base: str, supervisor: Supervisor) -> bool:
    deadline = time.monotonic() + _READY_SECONDS
    # Web answers to the public name only.
    name = urlsplit(os.environ.get("PORTICO_PUBLIC_URL", base)).netloc
    headers = {"Host": name or urlsplit(base).netloc}
    with httpx.Client(timeout=5, trust_env=False, headers=headers) as client:
        while time.monotonic() < deadline and not supervisor.is_stopping:
            try:
                answers = [client.get(f"{base}{p}") for p in ("/readyz", "/sign-in/")]
                if not any(answer.is_error for answer in answers):
                    return True
            except httpx.HTTPError:
                pass
            time.sleep(_LOOK_SECONDS)
    return False
