from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class AccountState(models.TextChoices):
    """How the vendor answered last."""

    NEW = "new", _("being checked")
    OK = "ok", _("connected")
    REFUSED = "refused", _("refused")
    UNREACHABLE = "unreachable", _("unreachable")


class Bolt(models.TextChoices):
    """What the vendor says of the lock now."""

    LOCKED = "locked", _("locked")
    UNLOCKED = "unlocked", _("unlocked")
    UNKNOWN = "", _("unknown")


class Battery(models.TextChoices):
    GOOD = "good", _("good")
    LOW = "low", _("low")
    EMPTY = "empty", _("almost empty")
    UNKNOWN = "", _("unknown")


class LockReason(models.TextChoices):
    """Why a vendor did not do what was asked."""

    CREDENTIALS = "lock_credentials", _("The vendor refuses the credentials.")
    FORBIDDEN = "lock_forbidden", _("The vendor does not let this account do that.")
    NEEDS_OTP = (
        "lock_needs_otp",
        _("Salto asks for a one-time code. It has to allow opening without one."),
    )
    NOT_FOUND = "lock_not_found", _("The vendor does not know this lock or site.")
    OFFLINE = "lock_offline", _("The lock is offline, or busy.")
    TOO_MANY = "lock_too_many", _("The vendor takes no more requests at the moment.")
    REJECTED = "lock_rejected", _("The vendor rejected the request.")
    UNREACHABLE = "lock_unreachable", _("The vendor's server could not be reached.")
    NOT_ALLOWED = "lock_not_allowed", _("This address may not be called from here.")
    REDIRECT = "lock_redirect", _("The address leads to another one. Enter that one.")
    GARBAGE = "lock_garbage", _("The vendor's answer could not be read.")
    VENDOR_FAULT = "lock_vendor_fault", _("The vendor's server reports a fault.")
    TOO_LATE = "lock_too_late", _("It took too long, so the lock was not asked.")
    UNKNOWN_OUTCOME = (
        "lock_unknown",
        _("No answer from the vendor. The lock may have opened."),
    )
    NO_SERVICE = "lock_no_service", _("The app service does not run for this account.")
