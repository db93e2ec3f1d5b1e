"""Every letter that Portico writes, with what it could be about."""

from __future__ import annotations

from collections.abc import Callable

from portico.accounts import letters as accounts
from portico.accounts.enums import SecurityChange
from portico.mail.letters import Action, Letter
from portico.support import letters as support
from portico.tenancy import letters as tenancy

SECRET = "s3cr3t"
URL = "https://portico.example.org/x/"
# What a person wrote is in no language of ours.
WRITTEN = "Ada wrote this."

# By "app.function", and a word behind a slash where one function writes several.
LETTERS: dict[str, Callable[[], Letter]] = {
    "accounts.sign_in_code": lambda: accounts.sign_in_code(code="123456", minutes=10),
    "accounts.confirm_email": lambda: accounts.confirm_email(
        code="123456", secret=SECRET, minutes=1
    ),
    "accounts.email_in_use": accounts.email_in_use,
    "accounts.email_changed": lambda: accounts.email_changed(new="ada@example.com"),
    "accounts.email_changed/gone": lambda: accounts.email_changed(new=""),
    "accounts.password_reset": lambda: accounts.password_reset(
        secret=SECRET, minutes=60
    ),
    "accounts.invitation": lambda: accounts.invitation(
        secret=SECRET, name="ada", days=7
    ),
    "accounts.resident_welcome": lambda: accounts.resident_welcome(
        secret=SECRET, house="Haus 4", name="ada@example.com", days=7
    ),
    "accounts.resident_new_password": lambda: accounts.resident_new_password(
        secret=SECRET, house="Haus 4", days=2
    ),
    "accounts.house_added": lambda: accounts.house_added(house="Haus 4"),
    "accounts.security_changed": lambda: accounts.security_changed(
        change=SecurityChange.PASSWORD, address="192.0.2.1"
    ),
    "support.ticket_message": lambda: support.ticket_message(
        subject="Tor 7",
        number=7,
        who="Ada",
        company="Nord",
        text=WRITTEN,
        files=["a.txt"],
        url=URL,
        can_reply=True,
    ),
    "support.ticket_message/no-reply": lambda: support.ticket_message(
        subject="Tor 7",
        number=7,
        who="Ada",
        company="Nord",
        text=WRITTEN,
        files=[],
        url=URL,
        can_reply=False,
    ),
    "tenancy.portal_entered": lambda: tenancy.portal_entered(
        who="Ada", company="Nord", minutes=60
    ),
    "tenancy.notice": lambda: tenancy.notice(
        title=WRITTEN, text=WRITTEN, action=Action(tenancy.open_notices(), URL)
    ),
    "tenancy.password_reminder": tenancy.password_reminder,
}
