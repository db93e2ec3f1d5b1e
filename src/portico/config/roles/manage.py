"""``portico manage``: Django's management commands in this installation."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.management import execute_from_command_line

from portico.config.start import with_django


def main(argv: Sequence[str]) -> int:
    def run() -> int:
        execute_from_command_line(["portico manage", *argv])
        return 0

    return with_django(run)
