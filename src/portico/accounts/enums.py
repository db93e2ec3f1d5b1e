from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class TimeFormat(models.TextChoices):
    HOURS_24 = "24h", _("24 hours")
    HOURS_12 = "12h", _("12 hours")


class DateFormat(models.TextChoices):
    """Order of a date's parts; the app API writes dates in the account's order."""

    YMD = "ymd", _("YYYY-MM-DD")
    DMY = "dmy", _("DD-MM-YYYY")
    MDY = "mdy", _("MM-DD-YYYY")


class CodePurpose(models.TextChoices):
    """What a code that was sent by mail is good for; never for the other."""

    SIGN_IN = "sign_in", _("second step of signing in")
    CONFIRM = "confirm", _("confirming an email")


class LinkPurpose(models.TextChoices):
    """Why somebody may set a password without knowing the old one."""

    RESET = "reset", _("forgotten password")
    INVITE = "invite", _("new account")


class Audience(models.TextChoices):
    """Whom a page speaks to."""

    STAFF = "staff", _("staff")
    RESIDENT = "resident", _("resident")


class Gate(models.TextChoices):
    """What an account must do before it may go on, in this order."""

    PRIVACY = "privacy", _("privacy policy")
    EMAIL = "email", _("email confirmation")


class SecurityChange(models.TextChoices):
    """What an account's owner is told by mail when it happens."""

    PASSWORD = "password_changed", _("The password was changed.")
    EMAIL_CODE_REQUIRED = (
        "email_code_required",
        _("The company that made your account requires a code by email at sign-in."),
    )
    EMAIL_CODE_ON = "email_code_on", _("The sign-in code by email was switched on.")
    EMAIL_CODE_OFF = "email_code_off", _("The sign-in code by email was switched off.")
    TOTP_ACTIVATED = "totp_activated", _("An authenticator app was added.")
    TOTP_DEACTIVATED = "totp_deactivated", _("The authenticator app was removed.")
    WEBAUTHN_ADDED = "webauthn_added", _("A passkey was added.")
    WEBAUTHN_REMOVED = "webauthn_removed", _("A passkey was removed.")
    RECOVERY_CODES = "recovery_codes_generated", _("New recovery codes were made.")
