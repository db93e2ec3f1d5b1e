"""What each kind of notice says, in the active language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from portico.notices.enums import NoticeKind

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, slots=True)
class Words:
    """Title and text; both may name what stands in the notice's ``params``."""

    title: StrOrPromise
    text: StrOrPromise


# The parameters that each kind is written with are those that its words name.
WORDS: dict[NoticeKind, Words] = {
    NoticeKind.PLATFORM_UPDATE: Words("%(title)s", "%(text)s"),
    NoticeKind.PORTAL_ENTERED: Words(
        _("%(company)s has entered your portal"),
        _(
            "%(who)s works in your portal, for %(minutes)s minutes at most. Everything"
            " that is done is in your audit log."
        ),
    ),
    NoticeKind.WEB_PASSWORD: Words(
        _("%(company)s has issued a web password for %(device)s"),
        _(
            "It opens the device's own web pages at %(site)s until %(until)s and replaces"
            " the one that was set there."
        ),
    ),
    NoticeKind.TICKET: Words(
        _("%(company)s wrote about “%(subject)s”"), _("The ticket has a new message.")
    ),
    NoticeKind.MODULE_CHANGED: Words(
        _("Expansion module %(module)s of %(device)s"),
        _("Its push buttons were changed at %(site)s."),
    ),
    NoticeKind.CHARGE_FAILED: Words(
        _("A charge failed: %(what)s"),
        _("%(reason)s. The services go on until %(until)s; pay before then."),
    ),
    NoticeKind.SERVICE_EXPIRES: Words(
        _("%(what)s of %(site)s expires"),
        _("It ends on %(until)s. Renew it before then if it is still wanted."),
    ),
    NoticeKind.UPGRADE_FINISHED: Words(
        _("The upgrade %(name)s is finished"),
        _("Devices upgraded: %(done)s. Failed: %(failed)s."),
    ),
    NoticeKind.UPGRADE_STOPPED: Words(
        _("The upgrade %(name)s has stopped by itself"),
        _("Devices upgraded: %(done)s. Failed: %(failed)s."),
    ),
}


def words_of(kind: str, params: Mapping[str, Any]) -> tuple[str, str]:
    """Title and text of a notice."""
    words = WORDS[NoticeKind(kind)]
    return str(words.title) % params, str(words.text) % params
