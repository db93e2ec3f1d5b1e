"""The quick part of the checks: style, types, import contracts, shape, unit tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CODE = ("src", "tests", "benchmarks", "tools")
STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("style", ("ruff", "check", ".")),
    ("format", ("ruff", "format", "--check", ".")),
    ("types", ("mypy", "src", "tests", "benchmarks")),
    ("imports", ("lint-imports", "--no-cache")),
    ("edges", ("python", "tools/scope_lint.py")),
    ("shape", ("python", "tools/quality.py", "src/portico")),
    ("dependencies", ("deptry", ".", "--requirements-files", "requirements/run.in")),
    (
        "migrations",
        ("python", "-m", "django", "makemigrations", "--check", "--dry-run"),
    ),
    ("unit", ("pytest", "-q", "-m", "unit", "-n", "2", "--dist", "loadfile")),
)


def main() -> int:
    """Run all steps; say for each how long it took, and show what failed."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "portico.config.settings.test",
        "PYTHONPATH": str(ROOT / "src"),
    }
    failed: list[str] = []
    for name, (program, *words) in STEPS:
        started = time.monotonic()
        done = subprocess.run(
            [str(BIN / program), *words],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        mark = "ok" if done.returncode == 0 else "FAILED"
        print(f"{name:14}{mark:8}{time.monotonic() - started:6.1f} s", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stdout, flush=True)
    if failed:
        print("failed:", ", ".join(failed))
    return bool(failed)


if __name__ == "__main__":
    raise SystemExit(main())
