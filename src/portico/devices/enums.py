"""Enumerations of the devices app; imported from everywhere, import nothing."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class DeviceKind(models.TextChoices):
    DOOR_PHONE = "door_phone", _("Door Phone")
    ACCESS_TERMINAL = "access_terminal", _("Access Control Terminal")
    INDOOR_MONITOR = "indoor_monitor", _("Indoor Monitor")


class RelayKind(models.TextChoices):
    LOCAL = "local", _("Relay")
    SECURITY = "security", _("Security Relay")


class AccessMethod(models.TextChoices):
    PIN = "pin", _("PIN")
    CARD = "card", _("RF Card")
    FACE = "face", _("Face")
    NFC = "nfc", _("NFC")
    BLUETOOTH = "bluetooth", _("Bluetooth")
    QR = "qr", _("QR Code")
    HOMEPAGE = "homepage", _("Homepage")
    TALKING_PAGE = "talking_page", _("Talking page")


class CommandKind(models.TextChoices):
    OPEN_RELAY = "open_relay", _("open")
    FETCH_CONFIGURATION = "fetch_configuration", _("fetch configuration")
    TAKE_PICTURE = "take_picture", _("take a picture")
    CLEAR_ACCESS = "clear_access", _("delete codes, cards and faces")
    SYNC_ACCESS = "sync_access", _("write codes, cards and faces")
    REBOOT = "reboot", _("reboot")
    RESET_CONFIGURATION = "reset_configuration", _("configuration reset")
    RESET_FACTORY = "reset_factory", _("factory reset")
    REMOTE_CONTROL = "remote_control", _("remote control")
    READ_SETTINGS = "read_settings", _("compare settings")
    UPGRADE_FIRMWARE = "upgrade_firmware", _("firmware upgrade")
    CAMERA_PICTURE = "camera_picture", _("take a picture of a third-party camera")
    SCAN_NETWORK = "scan_network", _("look for units")


# Orders to a unit as a whole: one such command per device at a time.
DEVICE_ORDERS = (
    CommandKind.FETCH_CONFIGURATION,
    CommandKind.TAKE_PICTURE,
    CommandKind.CLEAR_ACCESS,
    CommandKind.SYNC_ACCESS,
    CommandKind.REBOOT,
    CommandKind.RESET_CONFIGURATION,
    CommandKind.RESET_FACTORY,
    CommandKind.REMOTE_CONTROL,
    CommandKind.READ_SETTINGS,
    CommandKind.UPGRADE_FIRMWARE,
)


# They make the unit forget what it was told; all of it is sent again.
RESETS = (CommandKind.RESET_CONFIGURATION, CommandKind.RESET_FACTORY)
# What somebody orders from the Remote tab (REM-1).
MAINTENANCE = (CommandKind.REBOOT, *RESETS)


class CommandState(models.TextChoices):
    """The life of a command; see docs/architecture.md for the picture."""

    REQUESTED = "requested", _("requested")
    SENT = "sent", _("sent")
    ACKNOWLEDGED = "acknowledged", _("acknowledged")
    CONFIRMED = "confirmed", _("confirmed")
    DENIED = "denied", _("denied")
    FAILED = "failed", _("failed")
    TIMED_OUT = "timed_out", _("no answer")


# Not yet answered: one such command per relay at a time.
OPEN_STATES = (CommandState.REQUESTED, CommandState.SENT)


class CommandChannel(models.TextChoices):
    PORTAL = "portal", _("portal")
    APP = "app", _("app")
    SYSTEM = "system", _("Portico")


class DenialReason(models.TextChoices):
    NO_BRIDGE = (
        "no_bridge",
        _("This site has no bridge, so its doors cannot be opened from afar yet."),
    )
    BRIDGE_NEEDED = (
        "bridge_needed",
        _("This site has no bridge, and only a bridge can reach the device."),
    )
    BRIDGE_OFFLINE = "bridge_offline", _("The bridge is offline.")
    DEVICE_OFFLINE = "device_offline", _("The device is offline.")
    NO_SERVICE = "no_service", _("The app service does not run for this account.")
    NOT_OFFERED = "not_offered", _("This relay is not opened from the app.")
    EXPIRED = "expired", _("The command came too late to be carried out.")
    UNKNOWN_DEVICE = "unknown_device", _("The bridge does not know this device yet.")
    UNREACHABLE = "unreachable", _("The bridge could not reach the device.")
    NO_ANSWER = "no_answer", _("No answer from the device.")
    UNAUTHORIZED = "unauthorized", _("The device refused the bridge's credentials.")
    REJECTED = "rejected", _("The device refused.")
    NOT_SUPPORTED = "not_supported", _("The device cannot do this.")
    WRONG_DEVICE = "wrong_device", _("Another device answers at this address.")
    UNKNOWN_OUTCOME = (
        "unknown_outcome",
        _("The bridge restarted; what the device did is not known."),
    )
    BAD_COMMAND = (
        "bad_command",
        _("The bridge does not know this command. Its program is older than this."),
    )
    OVERLOADED = "overloaded", _("The bridge has no room left for orders.")
    GAVE_WAY = (
        "gave_way",
        _("Somebody opened a door of this device at that moment. Try again."),
    )
    REFUSED_ADDRESS = (
        "refused_address",
        _("The address leads to the bridge itself, or to no machine at all."),
    )
    NO_STREAM = "no_stream", _("The device shows no video stream.")
    NO_VIDEO = (
        "no_video",
        _("The bridge was installed without video; see its guide, portico[video]."),
    )
    NO_TUNNEL = (
        "no_tunnel",
        _("The bridge could not connect for it. Its log says why."),
    )
    NOT_DELIVERED = (
        "not_delivered",
        _("The bridge took a picture and could not send it here."),
    )


# The same of third-party cameras, where the words differ.
CAMERA_REASONS = {
    DenialReason.BRIDGE_NEEDED: _(
        "This site has no bridge, and only a bridge can reach the camera."
    ),
    DenialReason.UNREACHABLE: _("The bridge found no camera at this address."),
    DenialReason.NO_ANSWER: _("No answer from the camera."),
    DenialReason.UNAUTHORIZED: _("The camera refused the user name or the password."),
    DenialReason.NO_STREAM: _(
        "The camera shows no video at this address. Check the part behind the port."
    ),
}


# The same of what a bridge does by itself.
BRIDGE_REASONS = {
    DenialReason.BRIDGE_NEEDED: _(
        "This site has no bridge, and only a bridge can look around its network."
    ),
    DenialReason.NO_ANSWER: _("No answer from the bridge."),
    DenialReason.OVERLOADED: _("The bridge has not finished what it had to do before."),
    DenialReason.UNKNOWN_OUTCOME: _("The bridge restarted before it was done."),
}


class PresenceVia(models.TextChoices):
    AUTOP = "autop", _("provisioning")
    EVENT = "event", _("event")
    BRIDGE = "bridge", _("bridge")
    SIP = "sip", _("SIP")


class SipTransport(models.TextChoices):
    """How a unit talks to the SIP server (REM-1: transmission type)."""

    UDP = "udp", _("UDP")
    TCP = "tcp", _("TCP")
    TLS = "tls", _("TLS")


class PushModule(models.TextChoices):
    """Expansion modules with push buttons, and how many keys each has (DEV-8)."""

    MD06 = "MD06", "MD06"
    MD12 = "MD12", "MD12"


MODULE_KEYS = {PushModule.MD06: 6, PushModule.MD12: 12}


class ButtonTarget(models.TextChoices):
    """Whom a push button calls."""

    HOUSE = "house", _("The house")
    MEMBER = "member", _("One person")
    NUMBER = "number", _("Numbers")


class ExternalRelayType(models.TextChoices):
    """The relay boards that an indoor monitor can drive (DEV-4)."""

    MK485 = "mk485", "Akuvox-MK485-G2R-8J8C V3.0"
    HF8000 = "hf8000", "HF-8000"


class ExternalRelayMode(models.TextChoices):
    RS485 = "rs485", "RS485"
    ETHERNET = "ethernet", _("Ethernet")


class RelayFunction(models.TextChoices):
    """What hangs on a relay of an external board."""

    DOOR = "door", _("Door")
    GATE = "gate", _("Gate")
    LIGHT = "light", _("Light")
    CURTAIN = "curtain", _("Curtain")
    OTHER = "other", _("Other")
