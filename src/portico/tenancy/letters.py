"""The mails about a company; called in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _

from portico.accounts.links import page_url
from portico.mail.letters import Action, Letter


def portal_entered(*, who: str, company: str, minutes: int) -> Letter:
    return Letter(
        subject=_("%(company)s has entered your portal") % {"company": company},
        paragraphs=[
            _(
                "%(who)s of %(company)s works in your portal now, as you have allowed."
                " The visit ends by itself after %(minutes)d minutes at the latest."
            )
            % {"who": who, "company": company, "minutes": minutes},
            _("Everything that is done is in your audit log under both names."),
        ],
        notes=[
            _(
                "You can withdraw the permission at any time under Setting, Account"
                " access; a visit that goes on then ends at once."
            )
        ],
    )


def open_notices() -> str:
    return _("Open the Notification Center")


def notice(*, title: str, text: str, action: Action) -> Letter:
    return Letter(
        subject=title,
        paragraphs=[text],
        action=action,
        notes=[_("You can switch these mails off under Setting, Notification.")],
    )


def password_reminder() -> Letter:
    return Letter(
        subject=_("Time for a new password"),
        paragraphs=[
            _(
                "Your installer has asked that you change your password once a month."
                " Choose one that you use nowhere else."
            )
        ],
        action=Action(_("Set a new password"), page_url("forgot")),
    )
