"""Results as rows, and the table that is printed at the end."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_HEADINGS = ("benchmark", "what", "measured", "beside", "ratio", "target", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure; ``passed`` is None where no target is set."""

    benchmark: str
    what: str
    measured: str
    beside: str = ""
    ratio: str = ""
    target: str = ""
    passed: bool | None = None

    @property
    def verdict(self) -> str:
        return {True: "pass", False: "FAIL", None: ""}[self.passed]


def machine() -> str:
    """What the figures were measured on, in a line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{len(os.sched_getaffinity(0))} cores ({_processor()}), {memory:.0f} GiB, "
        f"Linux {platform.release()}, Python {platform.python_version()}, "
        f"load before the start {load:.1f}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def render(rows: Sequence[Row]) -> str:
    """All rows below each other, in columns."""
    cells = [_HEADINGS] + [
        (r.benchmark, r.what, r.measured, r.beside, r.ratio, r.target, r.verdict)
        for r in rows
    ]
    widths = [max(len(line[at]) for line in cells) for at in range(len(_HEADINGS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)
