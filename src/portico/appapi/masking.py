"""How clients of such clouds disguise login names, and all that one may have meant.

Facts read from the clients: an email's letters are moved by three (case kept), digits by
some clients too; each digit of a phone number is moved by three, after which the number
is sent as an integer, so that leading zeros vanish (a leading 7 becomes such a zero).
"""

from __future__ import annotations

import string

_SHIFT = 3
# A real number of more leading sevens than this does not occur.
_MOST_LOST_DIGITS = 4
# E.164 allows 15 digits with the country's.
_MOST_DIGITS = 15


def _back(alphabet: str) -> dict[str, str]:
    return {
        letter: alphabet[(index - _SHIFT) % len(alphabet)]
        for index, letter in enumerate(alphabet)
    }


_LETTERS = str.maketrans(_back(string.ascii_lowercase) | _back(string.ascii_uppercase))
_DIGITS = str.maketrans(_back(string.digits))


def possible_emails(masked: str) -> list[str]:
    """The emails that ``masked`` may stand for, in lower case, likeliest first."""
    plain = masked.translate(_LETTERS).lower()
    both = plain.translate(_DIGITS)
    return [plain] if both == plain else [plain, both]


def possible_national_numbers(masked: str) -> list[str]:
    """The national numbers, without leading zeros, that ``masked`` may stand for."""
    if not (masked.isascii() and masked.isdigit() and len(masked) <= _MOST_DIGITS):
        return []
    plain = masked.translate(_DIGITS)
    found = [("7" * lost + plain).lstrip("0") for lost in range(_MOST_LOST_DIGITS + 1)]
    return [number for number in dict.fromkeys(found) if number]


def common_tail(masked: str) -> str:
    """What all numbers that ``masked`` may stand for end with, however it was written.

    Two masked forms that may mean the same number have the same tail, so that tries are
    counted together.
    """
    return masked.translate(_DIGITS).lstrip("07")
