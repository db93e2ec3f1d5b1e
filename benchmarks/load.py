"""Load from a second process: start it, wait, read what it measured."""

from __future__ import annotations

import json
from dataclasses import asdict

from benchmarks.client import Load, Measured
from benchmarks.processes import Installation, Program

__all__ = ["Load", "Measured", "drive", "result", "start_client"]

# For connecting, and for the last answers.
_SPARE_SECONDS = 60.0


def drive(place: Installation, load: Load) -> Measured:
    """Run ``load`` in another process and wait for the result."""
    return result(start_client(place), load)


def start_client(place: Installation) -> Program:
    """The process; it begins when it is told what to do."""
    return place.start("client", "benchmarks.client")


def result(client: Program, load: Load) -> Measured:
    """Tell ``client`` what to do and wait until it has done it."""
    text = client.ask(json.dumps(asdict(load)), load.seconds + _SPARE_SECONDS)
    return Measured(**json.loads(text))
