from __future__ import annotations

from collections.abc import Sequence

from portico.kernel.errors import DomainError


class BadCommands(DomainError):
    """Lines that are no AutoP commands, or that may not be sent so.

    ``problems``: a sentence for each, with the number of its line.
    """

    code = "bad_commands"
    status = 422
    field = "text"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = tuple(problems)


class NeedsConfirmation(DomainError):
    """The commands are dangerous, and nobody has said that he knows."""

    code = "needs_confirmation"
    status = 422
    field = "confirmed"


class BadTarget(DomainError):
    """Commands for no device, for too many, or for one that has no room for more."""

    code = "bad_target"
    status = 422
    field = "devices"
