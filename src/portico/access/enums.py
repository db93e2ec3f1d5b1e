from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Repeat(models.TextChoices):
    NEVER = "never", _("Never")
    DAILY = "daily", _("Daily")
    WEEKLY = "weekly", _("Weekly")


class KeyKind(models.TextChoices):
    VISITOR = "visitor", _("Visitor")
    COURIER = "courier", _("Courier")


class KeyState(models.TextChoices):
    """How a temp key stands now; the filter of the list."""

    LIVE = "live", _("In force")
    COMING = "coming", _("Not yet")
    OVER = "over", _("Over")
    REVOKED = "revoked", _("Revoked")


class CredentialKind(models.TextChoices):
    """With what a resident opens; the values are those of AccessMethod, where a dynamic
    QR code is a QR code."""

    PIN = "pin", _("PIN")
    CARD = "card", _("RF Card")
    FACE = "face", _("Face")
    NFC = "nfc", _("NFC")
    BLUETOOTH = "bluetooth", _("Bluetooth")
    QR = "qr", _("QR Code")
    DYNAMIC_QR = "dynamic_qr", _("Dynamic QR Code")


class ScheduleKind(models.TextChoices):
    DAILY = "daily", _("Daily")
    WEEKLY = "weekly", _("Weekly")
    DATE_RANGE = "date_range", _("Date range")


class SyncState(models.TextChoices):
    PENDING = "pending", _("waiting")
    WRITING = "writing", _("writing")
    DONE = "done", _("up to date")
    FAILED = "failed", _("failed")


class Trouble(models.TextChoices):
    """Why a device does not hold what it should; codes of the bridge's contract."""

    UNKNOWN_DEVICE = "unknown_device", _("The bridge does not know this device yet.")
    UNREACHABLE = "unreachable", _("The bridge could not reach the device.")
    NO_ANSWER = "no_answer", _("The device stopped answering while it was written.")
    UNAUTHORIZED = "unauthorized", _("The device refused the bridge's credentials.")
    REJECTED = "rejected", _("The device refused an entry.")
    FULL = "full", _("The device's list is full.")
    NOT_SUPPORTED = (
        "not_supported",
        _(
            "The device has no user list that can be written. Enter codes there by hand."
        ),
    )
    NO_FACES = "no_faces", _("The device takes no face photos.")
    NO_PHOTO = (
        "no_photo",
        _("The device did not take the photo: it refused it, or did not fetch it."),
    )
    WRONG_DEVICE = "wrong_device", _("Another device answers at this address.")
    UNKNOWN_OUTCOME = "unknown_outcome", _("The device's answer could not be read.")
    GAVE_WAY = "gave_way", _("A door was opened at that moment; it goes on.")
    BAD_COMMAND = (
        "bad_command",
        _("The bridge's program is older than this. Install the newest one."),
    )
    OVERLOADED = "overloaded", _("The bridge has no room left for orders.")
    NO_LIST = "no_list", _("The bridge could not fetch the list from here.")
