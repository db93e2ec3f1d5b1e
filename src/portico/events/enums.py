from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class EventSource(models.TextChoices):
    DIRECT = "direct", _("action URL")
    BRIDGE = "bridge", _("bridge")


class LogKind(models.TextChoices):
    DOOR = "door", _("door")
    CALL = "call", _("call")
    MOTION = "motion", _("motion")
    ALARM = "alarm", _("alarm")
    # A picture that somebody ordered; those that come with a visit are no lines.
    CAPTURE = "capture", _("capture")


class Method(models.TextChoices):
    """How somebody opened, or tried to."""

    PIN = "pin", _("PIN")
    CARD = "card", _("RF card")
    FACE = "face", _("face")
    QR = "qr", _("QR code")
    NFC = "nfc", _("NFC")
    BLUETOOTH = "bluetooth", _("Bluetooth")
    BUTTON = "button", _("button")
    ON_SITE = "on_site", _("on site")
    GUEST = "guest", _("temp key")
    APP = "app", _("app")
    PORTAL = "portal", _("portal")
    CALL = "call", _("call")
    NONE = "", _("none")


class Outcome(models.TextChoices):
    GRANTED = "granted", _("opened")
    UNCONFIRMED = "unconfirmed", _("accepted, not confirmed")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("failed")
    NO_ANSWER = "no_answer", _("no answer")
    NOTED = "noted", _("noted")
