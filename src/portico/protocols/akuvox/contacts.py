"""The address book of a unit as an XML file: text from contacts, contacts from text.

Shape: the one published example of a file that units of this vendor read as their
directory (``<Directory><Contact Id Name Office/></Directory>``; repository
Sagin-K/rexcs, ``akuvox-dir.xml``, for phones). That the file behind
``Config.Contact.Url`` looks the same is assumed; not verified on hardware.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

# What XML 1.0 cannot hold even escaped, by Unicode category: controls, surrogates.
_NOT_XML: Final = frozenset({"Cc", "Cs"})
_NONCHARACTERS: Final = "\ufffe\uffff"


class BadContacts(ValueError):
    """The text is no address book."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Who can be called: a name as people write it, and a SIP number."""

    name: str
    number: str


def render(contacts: Iterable[Contact], *, title: str) -> str:
    """The file with ``contacts`` in their order, numbered from 1; UTF-8 to be.

    The same contacts give the same bytes.
    """
    root = ElementTree.Element("Directory", {"Name": _clean(title)})
    for index, contact in enumerate(contacts, start=1):
        fields = {
            "Id": str(index),
            "Name": _clean(contact.name),
            "Office": contact.number,
        }
        ElementTree.SubElement(root, "Contact", fields)
    ElementTree.indent(root, "")
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def parse(text: str) -> list[Contact]:
    """The contacts of a file in their order.

    :raises BadContacts: it is no XML, or another document.
    """
    try:
        # Expat limits the growth of entities itself, and loads none from outside.
        root = ElementTree.fromstring(text)  # noqa: S314
    except ElementTree.ParseError as error:
        raise BadContacts(str(error)) from error
    if root.tag != "Directory":
        raise BadContacts(f"not a directory: {root.tag}")
    return [
        Contact(item.get("Name", ""), item.get("Office", ""))
        for item in root.iter("Contact")
    ]


def _clean(text: str) -> str:
    kept = "".join(
        " " if unicodedata.category(c) in _NOT_XML or c in _NONCHARACTERS else c
        for c in text
    )
    return " ".join(kept.split())
