"""Every mail in every language of the guide (SITE-9)."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

import pytest
from babel.messages.catalog import Catalog, Message
from django.utils import translation
from tools import messages

from portico.accounts.enums import SecurityChange
from portico.mail.letters import Letter, render_letter
from portico.notices.enums import NoticeKind
from portico.notices.words import words_of
from portico.portals.shared.choices import MAIL_LANGUAGES
from tests.factories import NOTICE_PARAMS
from tests.mail.every_letter import LETTERS, WRITTEN

pytestmark = pytest.mark.unit

LANGUAGES = [code for code, _name in MAIL_LANGUAGES if code != "en"]
_PLACE = re.compile(r"%\(\w+\)[sd]|%%")
OPERATORS_WORDS = {NoticeKind.PLATFORM_UPDATE}


def catalogue(language: str) -> Catalog:
    return messages.read(messages.catalogues()[translation.to_locale(language)])


def forms(message: Message) -> list[str]:
    """All forms of a translation: several where the language counts."""
    found = message.string or ""
    return [found] if isinstance(found, str) else [str(one) for one in found]


def originals(message: Message) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def wanted() -> list[Message]:
    return [one for one in messages.texts() if one.id]


def test_all_twenty_languages_are_there() -> None:
    assert len(MAIL_LANGUAGES) == 20
    locales = {translation.to_locale(language) for language in LANGUAGES}
    assert set(messages.catalogues()) == locales


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_missing_or_left_over(language: str) -> None:
    known = catalogue(language)
    ids = {originals(one) for one in known if one.id}
    assert ids == {originals(one) for one in wanted()}
    for message in known:
        if message.id:
            assert all(forms(message)), message.id
            assert not message.fuzzy, message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_places_are_those_of_the_text(language: str) -> None:
    known = catalogue(language)
    for message in known:
        if not message.id:
            continue
        places = sorted(_PLACE.findall(originals(message)[-1]))
        for form in forms(message):
            found = sorted(_PLACE.findall(form))
            # A form for one alone may spell the number out.
            free = {place for place in places if place.endswith("d")}
            lost = [place for place in places if place not in found]
            assert set(lost) <= (free if len(forms(message)) > 1 else set()), form
            assert set(found) <= set(places), form


@pytest.mark.parametrize("language", LANGUAGES)
def test_as_many_forms_as_the_language_counts_in(language: str) -> None:
    known = catalogue(language)
    for message in known:
        if message.id and message.pluralizable:
            assert len(forms(message)) == known.num_plurals, message.id


def parts_of(letter: Letter) -> list[str]:
    texts = [letter.subject, *letter.paragraphs, *letter.notes]
    return texts + ([letter.action.label] if letter.action else [])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(LETTERS))
def test_no_english_is_left_in_a_mail(name: str, language: str) -> None:
    with translation.override("en"):
        english = LETTERS[name]()
        plain, _html = render_letter(english)
    with translation.override(language):
        letter = LETTERS[name]()
        text, html = render_letter(letter)
    same = set(parts_of(english)) & set(parts_of(letter))
    assert same <= {WRITTEN}, same
    direction = "rtl" if language in {"he", "fa"} else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in html
    assert "%(" not in text + html
    # What stands between the parts is of the template.
    assert set(text.splitlines()) & set(plain.splitlines()) <= _unspoken(plain)


def _unspoken(text: str) -> set[str]:
    """Lines without a word: empty, dashes, codes, addresses; and what people wrote."""
    lines = text.splitlines()
    spoken = re.compile(r"[A-Za-z]{2}")
    return {
        line
        for line in lines
        if not spoken.search(line) or "://" in line or line == WRITTEN
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(set(NoticeKind) - OPERATORS_WORDS))
def test_no_english_is_left_in_a_notice(kind: NoticeKind, language: str) -> None:
    english = words_of(kind, NOTICE_PARAMS)
    with translation.override(language):
        title, text = words_of(kind, NOTICE_PARAMS)
    assert title != english[0]
    assert text != english[1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("change", list(SecurityChange))
def test_no_english_is_left_in_a_change(change: SecurityChange, language: str) -> None:
    english = str(change.label)
    with translation.override(language):
        assert str(change.label) != english


def test_every_letter_is_among_those_that_are_read_here() -> None:
    made: set[str] = set()
    for path in messages.PACKAGE.glob("*/letters.py"):
        app = path.parent.name
        module = import_module(f"portico.{app}.letters")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            is_own = function.__module__ == module.__name__
            if is_own and function.__annotations__["return"] == "Letter":
                made.add(f"{app}.{name}")
    assert made == {name.partition("/")[0] for name in LETTERS}
