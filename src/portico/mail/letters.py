"""What a mail says, and how it looks: one column, with a text version of the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

# Styles go into the elements, because many readers drop style sheets; the rules for dark
# screens stay in one, because they cannot go anywhere else. Nothing is ever fetched.
_INLINER = css_inline.CSSInliner(
    keep_at_rules=True, keep_style_tags=False, load_remote_stylesheets=False
)


@dataclass(frozen=True, slots=True)
class Action:
    """What the reader is to do: a button, and the same address as text."""

    label: str
    url: str
    # Whether it is for a phone: then the address is also a code to scan.
    is_for_phone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail in the language of its reader; the subject is also its headline."""

    subject: str
    paragraphs: Sequence[str]
    code: str = ""
    action: Action | None = None
    notes: Sequence[str] = ()


# Called in the reader's language, so that plain ``gettext`` is right in it.
Writer = Callable[[], Letter]


def render_letter(letter: Letter) -> tuple[str, str]:
    """The text and the HTML of ``letter``, in the active language."""
    host = urlsplit(settings.ENVIRONMENT.public_url).netloc
    context = {
        "letter": letter,
        "is_rtl": translation.get_language_bidi(),
        "language": translation.get_language(),
        "or_open": _("Or open this address:"),
        "or_scan": _("Or scan this code with your phone:"),
        "sender": _("Portico at %(host)s") % {"host": host},
    }
    text = render_to_string("mail/letter.txt", context)
    html = _INLINER.inline(render_to_string("mail/letter.html", context))
    return f"{text.strip()}\n", html
