"""Write an auto-provisioning file: ``Key = Value`` lines, the same bytes each time."""

from __future__ import annotations

from collections.abc import Mapping


def _clean(text: str) -> str:
    """``text`` on one line: a line break in a name must not become a setting."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def render(settings: Mapping[str, str], *, title: str = "") -> str:
    """The text of a file with ``settings`` in their order, LF ends, UTF-8 to be.

    Syntax: exported templates of the vendor (``Key = Value``, ``#`` comments).
    """
    head = [f"# {_clean(title)}"] if title else []
    lines = [f"{key} = {_clean(value)}".rstrip() for key, value in settings.items()]
    return "\n".join([*head, *lines, ""])
