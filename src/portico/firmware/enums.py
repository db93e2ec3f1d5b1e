"""Enumerations of firmware and its upgrades; import nothing of ours."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class CampaignState(models.TextChoices):
    """The life of an upgrade of one device or many; see docs/upgrades.md for the picture."""

    # Its devices are being written down; nothing is offered yet.
    PREPARING = "preparing", _("preparing")
    SCHEDULED = "scheduled", _("scheduled")
    RUNNING = "running", _("running")
    PAUSED = "paused", _("paused")
    COMPLETED = "completed", _("completed")
    STOPPED = "stopped", _("stopped")


class PauseReason(models.TextChoices):
    MANUAL = "manual", _("paused by hand")
    ERROR_LIMIT = "error_limit", _("stopped by the error limit")
    WITHDRAWN = "withdrawn", _("the version was marked as known to be bad")


class WaveState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    SOAKING = "soaking", _("soaking")
    PASSED = "passed", _("passed")
    TRIPPED = "tripped", _("tripped")
    CANCELLED = "cancelled", _("cancelled")


class UpgradeState(models.TextChoices):
    """What became of an upgrade at one device."""

    QUEUED = "queued", _("queued")
    WAITING = "waiting", _("waiting")
    OFFERED = "offered", _("offered")
    DOWNLOADING = "downloading", _("downloading")
    INSTALLING = "installing", _("installing")
    VERIFYING = "verifying", _("verifying")
    SUCCEEDED = "succeeded", _("succeeded")
    ALREADY_CURRENT = "already_current", _("already current")
    FAILED = "failed", _("failed")
    ABORTED = "aborted", _("aborted, not touched")
    TIMED_OUT = "timed_out", _("timed out")
    SKIPPED = "skipped", _("skipped")
    CANCELLED = "cancelled", _("cancelled")


class Projection(models.TextChoices):
    """The guide's three statuses of an upgrade (FW-2)."""

    PENDING = "pending", _("Pending")
    PROCESSING = "processing", _("Processing")
    EXECUTED = "executed", _("Executed")


class Way(models.TextChoices):
    """How an image comes to a unit."""

    BRIDGE = "bridge", _("bridge")
    AUTOP = "autop", _("provisioning")


class Why(models.TextChoices):
    """Why a device waits, was left alone, or failed."""

    OFFLINE = "offline", _("The device is offline.")
    WINDOW = "window", _("It is not the time for it yet.")
    IN_CALL = "in_call", _("Somebody is calling, or was a moment ago.")
    OTHER_DOOR = "other_door", _("Another entrance of the house is being upgraded.")
    RETRY = "retry", _("It is tried again after a pause.")
    # Left alone before it began.
    INCOMPATIBLE = "incompatible", _("The version is for another model.")
    DOWNGRADE = "downgrade", _("The device has a newer version.")
    UNKNOWN_VERSION = "unknown_version", _("The device has not told its version yet.")
    OTHER_CAMPAIGN = "other_campaign", _("Another upgrade has this device.")
    RESET_NEEDS_BRIDGE = (
        "reset_needs_bridge",
        _("Without a bridge the device would not find its way back after a reset."),
    )
    DEVICE_GONE = "device_gone", _("The device was removed.")
    STOPPED = "stopped", _("The upgrade was stopped.")
    # Not touched.
    NOT_FETCHED = "not_fetched", _("The device did not fetch it in time.")
    DOWNLOAD_FAILED = "download_failed", _("The image did not come through in full.")
    BAD_IMAGE = "bad_image", _("The image that arrived is not the one that was sent.")
    REFUSED = "refused", _("The device refused the image.")
    UNREACHABLE = "unreachable", _("The bridge could not reach the device.")
    UNAUTHORIZED = (
        "unauthorized",
        _("The device does not accept the bridge's password."),
    )
    NOT_SUPPORTED = "not_supported", _("The device takes no image over its API.")
    BRIDGE_LOST = "bridge_lost", _("The bridge stopped before it began to write.")
    NO_ROOM = "no_room", _("The bridge has no room for the image.")
    NOT_SAVED = "not_saved", _("The configuration could not be saved before.")
    TAKEN_OUT = "taken_out", _("The line was taken out of the device's file.")
    TROUBLE = (
        "trouble",
        _("Portico itself had trouble with it; the operator finds why in the log."),
    )
    # Touched.
    NO_ANSWER = "no_answer", _("The device did not come back.")
    WRONG_VERSION = "wrong_version", _("The device came back with another version.")
    NO_SIP = "no_sip", _("Its SIP account did not register again.")
    NO_CREDENTIALS = "no_credentials", _("Its codes and cards are not complete.")
    NO_CONFIGURATION = (
        "no_configuration",
        _("It did not fetch its configuration again."),
    )
