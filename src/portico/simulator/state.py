"""What a unit remembers over power loss, and the file it is kept in."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

Item = dict[str, str]

# Old entries are overwritten; the number is that of small units, the API pages by ten.
MAX_LOG_ENTRIES: Final = 1000
# What an indoor monitor keeps of the messages that it was sent; the number is ours.
MAX_MESSAGES: Final = 100


class BadState(ValueError):
    """A state file cannot be read."""


@dataclass(slots=True)
class UnitState:
    """Everything persistent of one unit.

    ``config`` holds only what differs from the factory configuration. ``md5`` and
    ``etags`` are keyed by file role (``common``, ``device``). ``label_url`` is a
    provisioning URL that survives a factory reset, as one printed on the label does.
    """

    mac: str
    model: str
    firmware: str
    name: str = ""
    label_url: str = ""
    port: int = 0
    rtsp_port: int = 0
    config: dict[str, str] = field(default_factory=dict)
    md5: dict[str, str] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    users: list[Item] = field(default_factory=list)
    schedules: list[Item] = field(default_factory=list)
    contacts: list[Item] = field(default_factory=list)
    # The address book that was loaded last.
    contacts_url: str = ""
    groups: list[Item] = field(default_factory=list)
    door_log: list[Item] = field(default_factory=list)
    call_log: list[Item] = field(default_factory=list)
    # Text messages by SIP, oldest first.
    messages: list[Item] = field(default_factory=list)
    # What the home screen shows of it; empty: nothing.
    weather: dict[str, Any] = field(default_factory=dict)
    next_ids: dict[str, int] = field(default_factory=dict)
    failed_action_urls: int = 0

    def next_id(self, target: str) -> str:
        """A number that was never given to an item of this kind before."""
        number = self.next_ids.get(target, 0) + 1
        self.next_ids[target] = number
        return str(number)

    def append_log(self, log: list[Item], item: Item) -> None:
        """Add to the end, dropping the oldest when the log is full."""
        log.append(item)
        del log[: max(0, len(log) - MAX_LOG_ENTRIES)]


def load(path: Path) -> UnitState | None:
    """The stored unit, or None when there is no file.

    :raises BadState: the file is not one of ours.
    """
    try:
        data: Any = json.loads(path.read_text("utf-8"))
        return UnitState(**data)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, OSError) as error:
        raise BadState(f"{path}: {error}") from error


def store(path: Path, state: UnitState) -> None:
    """Replace the file in one step, so that a crash leaves the old or the new one."""
    write_private(path, json.dumps(dataclasses.asdict(state), indent=1))


def write_private(path: Path, text: str) -> None:
    """Write ``text`` atomically with mode 0600: the files hold passwords and PINs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
