from __future__ import annotations

import pytest

from portico.protocols.akuvox.contacts import BadContacts, Contact, parse, render

pytestmark = pytest.mark.unit

HOSTILE = [
    "<&\">'</Directory>",
    "]]><!-- -->",
    "בית משפחת כהן",
    "\u202eevil\u202c",
    "Ада 👩\u200d👧 Лавлейс",
    "ßẞ İı 家",
]


def test_shape_is_that_of_the_published_example() -> None:
    text = render([Contact("Ada", "5000000002")], title="Home")

    assert text.splitlines() == [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<Directory Name="Home">',
        '<Contact Id="1" Name="Ada" Office="5000000002" />',
        "</Directory>",
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_comes_back_as_it_was(name: str) -> None:
    contacts = [Contact(name, "1"), Contact("last", "2")]

    text = render(contacts, title=name)
    assert parse(text) == contacts
    assert parse(text.encode().decode()) == contacts


@pytest.mark.parametrize(
    "name", ["Ada\x00 L", "Ada\n L", "Ada\ufffe L", "\x1b Ada\t \ud800L"]
)
def test_what_xml_cannot_hold_is_a_blank(name: str) -> None:
    text = render([Contact(name, "1")], title="Home")

    assert parse(text) == [Contact("Ada L", "1")]
    assert text.encode()


def test_same_contacts_are_the_same_bytes() -> None:
    contacts = [Contact(f"Person {number}", str(number)) for number in range(200)]

    assert render(contacts, title="Home") == render(list(contacts), title="Home")
    assert parse(render(contacts, title="Home")) == contacts


def test_empty_book_is_a_directory_without_contacts() -> None:
    assert parse(render([], title="Home")) == []


@pytest.mark.parametrize(
    "text", ["", "nothing", "<Directory>", "<html></html>", "<Directory Name=x/>"]
)
def test_what_is_no_address_book_is_refused(text: str) -> None:
    with pytest.raises(BadContacts):
        parse(text)
