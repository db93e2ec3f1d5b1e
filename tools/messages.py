"""The translations of the mails: ``update`` from the texts in the code, ``compile``.

One catalogue for each language, ``src/portico/locale/<locale>/LC_MESSAGES/django.po``,
holds what mails and text messages say. A text that the code no longer has leaves it; a
new one waits there without a translation, and a test fails until it has one.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "portico"
LOCALES = PACKAGE / "locale"
# Where the texts of mails stand.
SOURCES = ("*/letters.py", "notices/words.py", "accounts/enums.py")
# The header wants a time; a file changes only when its texts do.
_BEGUN = datetime(2026, 11, 22, tzinfo=UTC)
# What they are wrapped in: gettext and gettext_lazy are both called so.
_KEYWORDS = {"_": None, "gettext_lazy": None, "ngettext": (1, 2)}


def texts() -> Catalog:
    """All texts that a mail can hold, as the code has them now."""
    found = Catalog(charset="utf-8")
    for pattern in SOURCES:
        for path in sorted(PACKAGE.glob(pattern)):
            name = str(path.relative_to(ROOT))
            entries = extract_from_file("python", path, keywords=_KEYWORDS)
            for _line, message, _comments, _context in entries:
                found.add(message, locations=[(name, 0)])
    return found


def catalogues() -> dict[str, Path]:
    """The catalogue of each locale, by its name such as ``zh_Hant``."""
    files = sorted(LOCALES.glob("*/LC_MESSAGES/django.po"))
    return {path.parents[1].name: path for path in files}


def read(path: Path) -> Catalog:
    """One catalogue."""
    with path.open("rb") as stream:
        return read_po(stream, locale=path.parents[1].name)


def _has_words(message: Message) -> bool:
    found = message.string or ""
    return all([found] if isinstance(found, str) else found)


def update() -> int:
    """Bring every catalogue to the texts in the code; returns how many texts wait."""
    template, waiting = texts(), 0
    for name, path in catalogues().items():
        old = read(path)
        new = Catalog(locale=name, charset="utf-8", fuzzy=False)
        new.header_comment = f"# The mails of Portico: {new.locale_identifier}"
        for message in template:
            if message.id:
                known = old.get(message.id)
                new.add(
                    message.id,
                    string=known.string if known else None,
                    locations=message.locations,
                )
        new.creation_date = new.revision_date = _BEGUN
        with path.open("wb") as stream:
            write_po(stream, new, width=88, sort_output=True, include_lineno=False)
        empty = sum(1 for each in new if each.id and not _has_words(each))
        waiting += empty
        if empty:
            print(f"{name}: {empty} texts without a translation")
    return waiting


def compile_all() -> None:
    """Write the form that programs read beside each catalogue."""
    for path in catalogues().values():
        with path.with_suffix(".mo").open("wb") as stream:
            write_mo(stream, read(path))


def main() -> int:
    """Do what the command line says; 1 if a text waits for its translation."""
    if sys.argv[1:] == ["compile"]:
        compile_all()
        return 0
    if sys.argv[1:] == ["update"]:
        waiting = update()
        compile_all()
        return int(waiting > 0)
    print("messages.py update|compile", file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
