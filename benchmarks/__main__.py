"""``python -m benchmarks [name …] [--quick]``: run them one after another, show a table.

Each runs in a process and a temporary folder of its own, on loopback and free ports, and
takes everything that it started down with it. Exit code 1: a target was missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.alone import NAMES
from benchmarks.processes import ROOT
from benchmarks.table import Row, machine, render

# The longest takes six minutes on two cores; what takes three times that hangs.
_LIMIT_SECONDS = 1_080
# Very many devices, each with all that is done for it.
_LONGER = {"batch": 1_800, "upgrades": 5_400}
# For stopping what a benchmark that was given up has started.
_GRACE_SECONDS = 60


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="less of everything")
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    place = machine()
    rows: list[Row] = []
    for name in options.names or NAMES:
        started = time.monotonic()
        print(f"{name} …", end=" ", flush=True)
        rows += _run(name, quick=options.quick)
        print(f"{time.monotonic() - started:.0f} s", flush=True)
    print(f"\n{place}\n\n{render(rows)}")
    return int(any(row.passed is False for row in rows))


def _run(name: str, *, quick: bool) -> list[Row]:
    limit = _LONGER.get(name, _LIMIT_SECONDS)
    with tempfile.TemporaryDirectory(prefix=f"portico-bench-{name}-") as folder:
        command = [sys.executable, "-m", "benchmarks.alone", name, folder]
        command += [f"--seconds={limit}", *(["--quick"] if quick else [])]
        paths = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
        process = subprocess.Popen(  # noqa: S603 -- our own command line
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            out, _ = process.communicate(timeout=limit + _GRACE_SECONDS)
        finally:
            if process.poll() is None:  # Ctrl-C, or it hangs: let it clean up
                process.terminate()
                process.wait(_GRACE_SECONDS)
        if process.returncode:
            _show_logs(Path(folder))
            what = f"ended with {process.returncode}"
            return [Row(benchmark=name, what=what, measured="", passed=False)]
        return [Row(**row) for row in json.loads(out)]


def _show_logs(folder: Path) -> None:
    """The last lines of each process's log, before they are gone."""
    for log in sorted(folder.glob("*.log")):
        lines = log.read_text("utf-8", "replace").splitlines()[-5:]
        print(f"\n{log.name}:", *lines, sep="\n  ", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
