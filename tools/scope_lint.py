"""Fail when an edge reaches past selectors and services: no ``.objects``, no ``.save``.

A line that is right to do so says ``# scope: <reason>``.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

EDGES = ("portals", "api", "appapi", "gateway", "worker", "drivers", "engines")
FORBIDDEN = {"objects", "_default_manager", "save", "bulk_create", "select_for_update"}


def violations(path: Path) -> list[str]:
    """One line per forbidden attribute in ``path``."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    return [
        f"{path}:{node.lineno}: .{node.attr} belongs in a service or a selector"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and node.attr in FORBIDDEN
        and "# scope:" not in lines[node.lineno - 1]
    ]


def main(root: str = "src/portico") -> int:
    """Print what was found; 1 if anything was."""
    found = [
        line
        for edge in EDGES
        for path in sorted(Path(root, edge).rglob("*.py"))
        for line in violations(path)
    ]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return bool(found)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
