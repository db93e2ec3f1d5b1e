"""What can be exported: each list registers how its rows become text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from portico.accounts.models import User


class Piece(NamedTuple):
    """A part of the file, and how many rows it holds."""

    text: str
    rows: int


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for; ``user`` is who sees no more than he may when it is made."""

    user: User
    query: str
    format: str


@dataclass(frozen=True, slots=True)
class Source:
    """One list. Both run in the language and zone of who asked.

    ``pieces`` reads some rows at a time, each in a query of its own: on SQLite a query
    that stays open would forbid to write that it goes on.

    :raises NotVisible: by both, when he may not see the list any more.
    """

    total: Callable[[Order], int]
    pieces: Callable[[Order], Iterator[Piece]]


_SOURCES: dict[str, Source] = {}


def register_source(name: str, source: Source) -> None:
    """Let exports of ``name`` be made by ``source``."""
    _SOURCES[name] = source


def find_source(name: str) -> Source | None:
    """The list ``name``; None: no code knows it."""
    return _SOURCES.get(name)
