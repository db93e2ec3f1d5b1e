"""The mails about an account; called in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portico.accounts.enums import SecurityChange
from portico.accounts.links import page_url
from portico.mail.letters import Action, Letter


def _not_me() -> str:
    return _(
        "If this was not you, somebody knows your password: set a new one with"
        " “Forgot password” on the sign-in page."
    )


def sign_in_code(*, code: str, minutes: int) -> Letter:
    return Letter(
        # Without the code: subjects are not sealed.
        subject=_("Your sign-in code"),
        paragraphs=[_("Type this code on the sign-in page to go on.")],
        code=code,
        notes=[_valid_for(minutes), _("Never tell it to anybody."), _not_me()],
    )


def _valid_for(minutes: int) -> str:
    return ngettext(
        "It works once, for %(n)d minute.", "It works once, for %(n)d minutes.", minutes
    ) % {"n": minutes}


def confirm_email(*, code: str, secret: str, minutes: int) -> Letter:
    return Letter(
        subject=_("Confirm your email"),
        paragraphs=[
            _(
                "Type this code on the page where you entered the address, or press the"
                " button. Mails about your account will then come here."
            )
        ],
        code=code,
        action=Action(_("Confirm email"), page_url("email_confirm", secret)),
        notes=[
            _valid_for(minutes),
            _("If you did not ask for this, ignore it: nothing changes."),
        ],
    )


def email_in_use() -> Letter:
    return Letter(
        subject=_("This email belongs to another account"),
        paragraphs=[
            _(
                "Somebody wanted to use this address for an account, but another account"
                " here has it already. Nothing was changed."
            ),
            _("If it was you, use a different address, or sign in with that account."),
        ],
    )


def email_changed(*, new: str) -> Letter:
    """``new`` empty: the account has no email any more."""
    gone = _("Mails about your account no longer come here.")
    moved = _("Mails about your account go to %(email)s from now on, no longer here.")
    return Letter(
        subject=_("The email of your account was changed"),
        paragraphs=[moved % {"email": new} if new else gone],
        notes=[
            _(
                "If this was not you, tell the company that made your account at once:"
                " somebody can use it."
            )
        ],
    )


def password_reset(*, secret: str, minutes: int) -> Letter:
    return Letter(
        subject=_("Set a new password"),
        paragraphs=[_("Somebody, probably you, asked for a new password.")],
        action=Action(_("Set a new password"), page_url("password_set", secret)),
        notes=[
            _valid_for(minutes),
            _(
                "If it was not you, ignore this mail: your password stays as it is, and"
                " nobody learns whether you have an account."
            ),
        ],
    )


def invitation(*, secret: str, name: str, days: int) -> Letter:
    welcome = _("An account was made for you. Your user name is %(name)s.")
    return Letter(
        subject=_("Your account: set a password"),
        paragraphs=[
            welcome % {"name": name},
            _("Set a password, then sign in with it."),
        ],
        action=Action(_("Set a password"), page_url("password_set", secret)),
        notes=[
            ngettext(
                "The link works once, for %(n)d day. Later, use “Forgot password” on"
                " the sign-in page.",
                "The link works once, for %(n)d days. Later, use “Forgot password” on"
                " the sign-in page.",
                days,
            )
            % {"n": days}
        ],
    )


def resident_welcome(*, secret: str, house: str, name: str, days: int) -> Letter:
    doors = _("An account was made for you that opens the doors of %(house)s.")
    sign_in = _("Set a password, then sign in to the app with %(name)s.")
    return Letter(
        subject=_("Your account for %(house)s") % {"house": house},
        paragraphs=[doors % {"house": house}, sign_in % {"name": name}],
        action=_on_phone(_("Set a password"), secret),
        notes=[_link_for(days), _("If you do not live there, ignore this mail.")],
    )


def house_added(*, house: str) -> Letter:
    added = _("The company that looks after %(house)s has added it to your account.")
    return Letter(
        subject=_("%(house)s was added to your account") % {"house": house},
        paragraphs=[
            added % {"house": house},
            _(
                "Its doors are in your app now, beside those that you have already. You"
                " sign in as before."
            ),
        ],
        notes=[_("If you do not live there, tell the company that looks after it.")],
    )


def resident_new_password(*, secret: str, house: str, days: int) -> Letter:
    asked = _("The company that looks after %(house)s sends you this link.")
    return Letter(
        subject=_("Set a new password"),
        paragraphs=[
            asked % {"house": house},
            _("Your password stays as it is until you have set a new one."),
        ],
        action=_on_phone(_("Set a new password"), secret),
        notes=[_link_for(days), _("If you did not ask for it, ignore this mail.")],
    )


def _on_phone(label: str, secret: str) -> Action:
    """Where a resident sets his password: on the phone that will open the doors."""
    return Action(label, page_url("password_set", secret), is_for_phone=True)


def resident_message(*, secret: str, house: str, days: int) -> str:
    """The same as an SMS."""
    text = ngettext(
        "%(house)s: set the password of your app account here, within %(n)d day: %(url)s",
        "%(house)s: set the password of your app account here, within %(n)d days: %(url)s",
        days,
    )
    return text % {"house": house, "n": days, "url": page_url("password_set", secret)}


def code_message(*, code: str, for_password: bool) -> str:
    """The code of an SMS, which is valid for CODE_LIFETIME."""
    text = _("%(code)s is your sign-in code. It is valid for 10 minutes.")
    if for_password:
        text = _("%(code)s lets you set a new password. Valid for 10 minutes.")
    return text % {"code": code}


def _link_for(days: int) -> str:
    return ngettext(
        "The link works once, for %(n)d day.",
        "The link works once, for %(n)d days.",
        days,
    ) % {"n": days}


def security_changed(*, change: SecurityChange, address: str) -> Letter:
    ordered = change == SecurityChange.EMAIL_CODE_REQUIRED
    place = _("From the address %(address)s.") % {"address": address} if address else ""
    return Letter(
        subject=_("Your account's sign-in was changed"),
        paragraphs=[str(change.label), *([place] if place and not ordered else [])],
        notes=[] if ordered else [_not_me()],
    )
