"""``python -m portico.simulator``."""

from __future__ import annotations

import sys

from portico.simulator.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
