"""The ``portico`` command: one entry, one role per word."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Final

# Loaded only when asked for: the bridge and the simulator must never load Django.
ROLES: Final = {
    "serve": ("portico.config.roles.serve", "all roles as one supervised group"),
    "web": ("portico.config.roles.web", "pages, REST and app API"),
    "gateway": ("portico.config.roles.gateway", "devices, bridges, live views"),
    "worker": ("portico.config.roles.worker", "jobs and the clock"),
    "bridge": ("portico.bridge.cli", "the program in the home"),
    "simulate": ("portico.simulator.cli", "virtual devices"),
    "first-operator": ("portico.config.roles.first_operator", "set up the operator"),
    "manage": ("portico.config.roles.manage", "Django's management commands"),
}


def _usage() -> str:
    lines = (f"  {name:15} {text}" for name, (_, text) in ROLES.items())
    return "\n".join(["usage: portico ROLE [options]", "", *lines, ""])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the role named first; its exit code is ours."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] not in ROLES:
        asked = bool(words) and words[0] in {"-h", "--help", "help"}
        (sys.stdout if asked else sys.stderr).write(_usage())
        return 0 if asked else 2
    module = importlib.import_module(ROLES[words[0]][0])
    role: Callable[[Sequence[str]], int] = module.main
    return role(words[1:])


if __name__ == "__main__":
    raise SystemExit(main())
