"""One benchmark in a process of its own: ``python -m benchmarks.alone NAME FOLDER``."""

from __future__ import annotations

import argparse
import json
import signal
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from types import FrameType

from benchmarks.processes import installation

# Modules by name, and whether they need a database before they begin.
NAMES = {
    "events": True,
    "events-kill": True,
    "autop": True,
    "door": False,
    "access": False,
    "settings-change": False,
    "batch": True,
    "upgrades": True,
    "bridges": True,
    "box": True,
    "presence": True,
    "worker": True,
    "lists": False,
}


def _give_up(number: int, frame: FrameType | None) -> None:
    del frame
    raise TimeoutError(f"ended by signal {number}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.alone")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=int, default=900)
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, _give_up)
    signal.signal(signal.SIGTERM, _give_up)
    signal.alarm(options.seconds)
    with installation(options.folder, with_database=NAMES[options.name]) as place:
        module = import_module(f"benchmarks.{options.name.replace('-', '_')}")
        rows = module.run(place, quick=options.quick)
    print(json.dumps([asdict(row) for row in rows]))


if __name__ == "__main__":
    main()
