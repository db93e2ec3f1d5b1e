"""Countries with their dial codes, time zones, and the languages of mails."""

from __future__ import annotations

import functools
import zoneinfo
from dataclasses import dataclass
from importlib import resources

import phonenumbers
from django.conf.locale import LANG_INFO
from django.utils.translation import gettext_lazy as _

# The time-zone database's names, where people would look for another one.
_USUAL_NAMES = {
    "BN": "Brunei",
    "BO": "Bolivia",
    "CD": "Congo (Kinshasa)",
    "CG": "Congo (Brazzaville)",
    "FK": "Falkland Islands",
    "FM": "Micronesia",
    "GB": "United Kingdom",
    "KP": "North Korea",
    "KR": "South Korea",
    "MM": "Myanmar",
    "SZ": "Eswatini",
    "VC": "Saint Vincent and the Grenadines",
    "VG": "British Virgin Islands",
    "VI": "US Virgin Islands",
    "AS": "American Samoa",
    "WS": "Samoa",
    "LC": "Saint Lucia",
    "KN": "Saint Kitts and Nevis",
    "PM": "Saint Pierre and Miquelon",
    "TT": "Trinidad and Tobago",
    "AG": "Antigua and Barbuda",
    "BA": "Bosnia and Herzegovina",
    "ST": "São Tomé and Príncipe",
}


@dataclass(frozen=True, slots=True)
class Country:
    """A country or region that has telephone numbers."""

    code: str
    name: str
    dial_code: str


@functools.cache
def countries() -> tuple[Country, ...]:
    """All countries by name."""
    table = (
        resources.files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text("utf-8")
    )
    listed = [line.split("\t") for line in table.splitlines() if line[:1].isalpha()]
    found = [
        Country(
            code,
            _USUAL_NAMES.get(code, name.replace(" & ", " and ")),
            f"+{phonenumbers.country_code_for_region(code)}",
        )
        for code, name in listed
        if code in phonenumbers.SUPPORTED_REGIONS
    ]
    return tuple(sorted(found, key=lambda country: country.name))


def country_choices() -> list[tuple[str, str]]:
    """For a form field, with an empty choice first."""
    named = [(country.code, country.name) for country in countries()]
    return [("", str(_("Choose a country"))), *named]


def country_name(code: str) -> str:
    """The name of a country; empty for what is none."""
    return next((c.name for c in countries() if c.code == code), "")


def dial_code(country: str) -> str:
    """``+49`` for ``DE``; empty for what is no country."""
    return next((c.dial_code for c in countries() if c.code == country), "")


@functools.cache
def zone_names() -> tuple[str, ...]:
    """The zones that people live in, and UTC."""
    table = resources.files("tzdata").joinpath("zoneinfo/zone.tab").read_text("utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line[:1].isalpha()]
    known = zoneinfo.available_timezones()
    return ("UTC", *sorted({row[2] for row in rows} & known))


# The guide's 20 languages in its order (SITE-9).
MAIL_LANGUAGES = (
    ("en", _("English")),
    ("zh-hant", _("Traditional Chinese")),
    ("zh-hans", _("Simplified Chinese")),
    ("ko", _("Korean")),
    ("ja", _("Japanese")),
    ("tr", _("Turkish")),
    ("pl", _("Polish")),
    ("ru", _("Russian")),
    ("es", _("Spanish")),
    ("bs", _("Bosnian")),
    ("da", _("Danish")),
    ("vi", _("Vietnamese")),
    ("fr", _("French")),
    ("pt", _("Portuguese")),
    ("de", _("German")),
    ("it", _("Italian")),
    ("uk", _("Ukrainian")),
    ("he", _("Hebrew")),
    ("fa", _("Persian")),
    ("az", _("Azerbaijani")),
)


def language_name(code: str) -> str:
    """The language of ``code`` in English words."""
    named = dict(MAIL_LANGUAGES).get(code)
    return str(named or LANG_INFO.get(code, {}).get("name", code))


@functools.cache
def country_of_zone(zone: str) -> str:
    """The country that most people of ``zone`` live in; empty if there is none."""
    table = resources.files("tzdata").joinpath("zoneinfo/zone.tab").read_text("utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line[:1].isalpha()]
    return next((row[0] for row in rows if row[2] == zone), "")
