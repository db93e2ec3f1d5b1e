"""AutoP commands as a person writes them: what may be sent, and how often. No database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import gettext as _

from portico.protocols.autop.grammar import AutopFile, Line, ProblemCode, parse
from portico.protocols.autop.guard import Danger, danger_of
from portico.provisioning.enums import AutopKind
from portico.provisioning.errors import BadCommands, NeedsConfirmation

MAX_LINES = 200
MAX_BYTES = 16 * 1024
# What somebody can read at once; the rest shows when these are mended.
_SHOWN_PROBLEMS = 10


def read_commands(
    text: str, *, kind: AutopKind, is_confirmed: bool = False
) -> AutopFile:
    """Read what somebody wants to send.

    The same key twice is one command: the last line counts.

    :raises BadCommands: nothing in it, too much, a line that is no command, or one that
        may not be sent so.
    :raises NeedsConfirmation: One-Time commands that reset, restart or move the unit.
    """
    file = parse(text)
    problems = [_syntax(one.line_number, one.code) for one in file.problems]
    if not file.lines and not problems:
        problems.append(_("Enter at least one command."))
    problems += _size_problems(text, len(file.lines))
    dangers = [(line, danger) for line in file.lines if (danger := danger_of(line.key))]
    for line, danger in dangers:
        if kind == AutopKind.REGULAR or danger == Danger.KEPT:
            problems.append(_refusal(line, danger))
    if problems:
        raise BadCommands(problems[:_SHOWN_PROBLEMS])
    if dangers and not is_confirmed:
        raise NeedsConfirmation(_warning(danger for _line, danger in dangers))
    return file


def merged(files: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """All of ``files`` in one, oldest first; of two with one key the newer one stays.

    Keys are the same in any case of their letters, as they may be to the firmware.
    """
    found: dict[str, tuple[str, str]] = {}
    for file in files:
        for key, value in file.items():
            found[key.lower()] = (key, value)
    return dict(found.values())


def overlay(settings: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """``settings`` of Portico's with somebody's ``own`` commands in their place."""
    theirs = {key.lower() for key in own}
    kept = {key: value for key, value in settings.items() if key.lower() not in theirs}
    return kept | dict(own)


def is_overridden(keys: Iterable[str], newer: Iterable[str]) -> bool:
    """Whether none of ``keys`` counts any more beside ``newer`` ones."""
    later = {key.lower() for key in newer}
    return all(key.lower() in later for key in keys)


def _size_problems(text: str, lines: int) -> list[str]:
    problems = []
    if lines > MAX_LINES:
        told = _("These are %(count)d commands; at most %(most)d can be sent at once.")
        problems.append(told % {"count": lines, "most": MAX_LINES})
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        told = _("The commands are longer than %(most)d KB.")
        problems.append(told % {"most": MAX_BYTES // 1024})
    return problems


def _syntax(number: int, code: ProblemCode) -> str:
    texts = {
        ProblemCode.NO_EQUALS: _(
            "Line %(number)d: there is no = between key and value."
        ),
        ProblemCode.BAD_KEY: _(
            "Line %(number)d: a key begins with Config. and has letters, digits, - and _"
            " between dots."
        ),
        ProblemCode.CONTROL_CHARACTER: _(
            "Line %(number)d: there is a character that cannot be printed."
        ),
    }
    return texts[code] % {"number": number}


def _refusal(line: Line, danger: Danger) -> str:
    texts = {
        Danger.RESET: _(
            "Line %(number)d: as a Regular command this would reset the device again and"
            " again. Send it One-Time."
        ),
        Danger.REBOOT: _(
            "Line %(number)d: as a Regular command this would restart the device again and"
            " again. Send it One-Time."
        ),
        Danger.FIRMWARE: _(
            "Line %(number)d: firmware is not a Regular command: the device would load it"
            " at every fetch. Use Firmware, or send it One-Time."
        ),
        Danger.WEB_PASSWORD: _(
            "Line %(number)d: the password of the device's web pages is not a Regular"
            " command. Send it One-Time."
        ),
        Danger.ADDRESS: _(
            "Line %(number)d: where the device gets its configuration is not a Regular"
            " command. Send it One-Time, if it is to leave Portico."
        ),
        Danger.KEPT: _(
            "Line %(number)d: Portico keeps %(key)s itself; with another value the device"
            " could not be reached or would not report any more."
        ),
    }
    return texts[danger] % {"number": line.number, "key": line.key}


def _warning(dangers: Iterable[Danger]) -> str:
    texts = {
        Danger.RESET: _("It resets the devices; what was set on them is lost."),
        Danger.REBOOT: _("It restarts the devices; doors do not open meanwhile."),
        Danger.FIRMWARE: _(
            "It loads firmware; an image that does not fit can end them."
        ),
        Danger.WEB_PASSWORD: _("It changes the password of the devices' web pages."),
        Danger.ADDRESS: _(
            "It changes where the devices get their configuration: Portico may lose them."
        ),
    }
    told: Sequence[str] = [texts[danger] for danger in dict.fromkeys(dangers)]
    return " ".join([*told, _("Confirm that this is meant.")])
