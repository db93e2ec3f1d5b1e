"""Work in the background as pages show it: how far it is, however often they are loaded.

A page includes a part with ``c-progress`` and, while :attr:`Progress.is_under_way`, lets
that part fetch itself each second (``hx-trigger="every 1s"``); what the job has written
to its row is what everybody sees.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` rows; ``total`` None: not counted yet."""

    done: int
    total: int | None
    is_under_way: bool

    @property
    def percent(self) -> int:
        """Rounded down: only what is done is 100."""
        if self.total is None:
            return 0
        return 100 * self.done // self.total if self.total else 100
