"""Draw the state machines of upgrades from the code: ``python tools/state_pictures.py``.

Writes docs/upgrade-states.md; a test sees to it that it is what the code says.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "upgrade-states.md"
_HEAD = """# The states of an upgrade

Drawn from `src/portico/firmware/states.py` by `python tools/state_pictures.py`; a test
compares the two. How upgrades are used is told in [upgrades.md](upgrades.md).
"""
_PARTS = {
    "Campaign": "An upgrade of one device or many. `paused` has a reason: by hand, by the "
    "error limit, or because the version was marked as known to be bad.",
    "Wave": "A slice of a campaign. The next one begins when the one before has passed: "
    "every device of it has come to an end, or is waited for on its own, and the soak time "
    "is over.",
    "Device": "A campaign at one device. From `installing` on it cannot be taken back. "
    "Which of the guide's three statuses a state is shown as stands in the table below.",
}


def main() -> None:
    PAGE.write_text(page(), "utf-8")


def page() -> str:
    """The whole page, as Markdown with Mermaid pictures."""
    from portico.firmware import states  # noqa: PLC0415 -- needs the settings

    tables: tuple[Mapping[Any, Collection[str]], ...] = (
        states.CAMPAIGNS,
        states.WAVES,
        states.DEVICES,
    )
    parts = [_HEAD]
    for (title, text), table in zip(_PARTS.items(), tables, strict=True):
        parts.append(f"\n## {title}\n\n{text}\n\n{picture(table)}")
    rows = [
        f"| `{state}` | {of.name.title()} |" for state, of in states.PROJECTIONS.items()
    ]
    parts.append("\n| state | in the list |\n|---|---|\n" + "\n".join(rows) + "\n")
    retried = ", ".join(f"`{why}`" for why in sorted(states.RETRIED))
    parts.append(
        f"\nTried again after a pause, without having been touched: {retried}.\n"
    )
    return "".join(parts)


def picture(table: Mapping[Any, Collection[str]]) -> str:
    """One state machine as a Mermaid state diagram."""
    order = list(table)
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {order[0]}"]
    for state, after in table.items():
        lines += [f"    {state} --> {to}" for to in sorted(after, key=order.index)]
        if not after:
            lines.append(f"    {state} --> [*]")
    return "\n".join([*lines, "```", ""])


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portico.config.settings.test")
    sys.path.insert(0, str(ROOT / "src"))
    main()
