"""Renew the hashed requirement files from their ``.in`` files; no addresses in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")
# `clients` are third-party libraries that need a newer Python; see tests/simulator.
TARGETS = {"run": "3.11", "test": "3.11", "node": "3.11", "uv": "3.11"}
OPTIONS = ("--universal", "--generate-hashes", "--no-emit-index-url", "--no-header")


def main() -> int:
    """Compile each file; what runs is locked first and constrains the tests."""
    for name, python in TARGETS.items():
        source, target = f"requirements/{name}.in", f"requirements/{name}.txt"
        words = ["pip", "compile", "-q", "--python-version", python, *OPTIONS]
        if name == "test":
            words += ["-c", "requirements/run.txt"]
        subprocess.run([str(UV), *words, source, "-o", target], cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
