from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from portico.devices.models import Device
from portico.firmware.enums import (
    CampaignState,
    PauseReason,
    UpgradeState,
    WaveState,
    Way,
    Why,
)
from portico.firmware.states import FLYING, OPEN
from portico.kernel.fields import SealedTextField
from portico.provisioning.models import AutopItem
from portico.sites.enums import SiteKind
from portico.sites.models import Site
from portico.tenancy.models import Organization


class FirmwareVersion(models.Model):
    """A release for one model, with what is new in it (FW-1)."""

    # A key of the model catalogue.
    model = models.CharField(max_length=15)
    # As units report it: its first field is the model's id.
    version = models.CharField(max_length=31)
    log = models.TextField()
    # Why nobody should have it any more; empty: nothing is wrong with it.
    known_bad = models.CharField(max_length=255, blank=True)
    marked_at = models.DateTimeField(null=True)
    created_by_name = models.CharField(max_length=127)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model", "version"], name="firmware_version_once_per_model"
            )
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="firmware_newest")]

    def __str__(self) -> str:
        return f"{self.model} {self.version}"


class Artifact(models.Model):
    """The image of a release: where it is kept, and what it must be when it arrives."""

    version = models.OneToOneField(
        FirmwareVersion, models.CASCADE, primary_key=True, related_name="artifact"
    )
    # In the storage, under a random name.
    file = models.CharField(max_length=127, unique=True)
    # As it was uploaded, and as units see it.
    name = models.CharField(max_length=127)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    # What the units' own API wants.
    md5 = models.CharField(max_length=32)

    def __str__(self) -> str:
        return self.name


class UpgradeCampaign(models.Model):
    """An upgrade of one device or of many, in waves (FW-2, FW-3)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Goes with its company, which goes only when it has no devices left.
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="campaigns"
    )
    version = models.ForeignKey(
        FirmwareVersion, models.PROTECT, related_name="campaigns"
    )
    project = models.CharField(max_length=15, choices=SiteKind.choices)
    name = models.CharField(max_length=63)
    # From Upgrade > New: one wave, at once or at a time.
    is_simple = models.BooleanField(default=False)
    state = models.CharField(
        max_length=9, choices=CampaignState.choices, default=CampaignState.PREPARING
    )
    pause_reason = models.CharField(
        max_length=11, choices=PauseReason.choices, blank=True
    )
    # The time on the clock of each site, "2026-11-30T02:00"; empty: at once.
    local_start = models.CharField(max_length=16, blank=True)
    # When that is for the first of its sites.
    starts_at = models.DateTimeField()
    reset_after = models.BooleanField(default=False)
    allow_downgrade = models.BooleanField(default=False)
    # The hours, on the clock of each site, in which a unit may be touched; both null: all.
    window_from = models.TimeField(null=True)
    window_to = models.TimeField(null=True)
    # The waves as they were asked for, "10, 30, 60"; guards may have added some.
    shares = models.CharField(max_length=127, blank=True)
    soak_minutes = models.PositiveIntegerField(default=0)
    # It stops by itself when more than this share of those tried failed, once so many were
    # tried; or when so many failed.
    error_percent = models.PositiveSmallIntegerField(default=20)
    error_sample = models.PositiveSmallIntegerField(default=5)
    error_cap = models.PositiveIntegerField(default=5)
    # How long a wave waits for a device that is away; the device itself is waited for
    # until the campaign's horizon.
    patience_hours = models.PositiveSmallIntegerField(default=24)
    horizon_days = models.PositiveSmallIntegerField(default=30)
    retries = models.PositiveSmallIntegerField(default=3)
    # Failures that somebody has looked at and gone on from.
    forgiven = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    created_by_name = models.CharField(max_length=127)
    # The form that it came with: sent twice it is one campaign.
    token = models.UUIDField(unique=True)
    # Another one with each change, by which of two who change it the second is told.
    edition = models.UUIDField(default=uuid.uuid4)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()
    # The worker looks at it again then; null: there is nothing to do.
    next_at = models.DateTimeField(null=True)
    # Looks in a row that ended in an error of Portico's own.
    failures = models.PositiveSmallIntegerField(default=0)
    # Its steps were kept for long enough.
    is_pruned = models.BooleanField(default=False)
    # The campaign whose failed devices this one takes.
    follows = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")

    class Meta:
        indexes = [
            models.Index(
                fields=["organization", "-created_at", "-id"], name="firmware_campaigns"
            ),
            models.Index(
                fields=["next_at"],
                condition=Q(next_at__isnull=False),
                name="firmware_due_campaigns",
            ),
            models.Index(
                fields=["ended_at"],
                condition=Q(is_pruned=False),
                name="firmware_to_prune",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Preparation(models.Model):
    """What is still to be written down of a campaign's devices; gone when all are."""

    campaign = models.OneToOneField(
        UpgradeCampaign, models.CASCADE, primary_key=True, related_name="preparation"
    )
    # Keys of devices: all of them, and once it is planned those of each wave.
    targets = models.JSONField()
    is_planned = models.BooleanField(default=False)
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.done} of {self.total} of {self.campaign_id}"


class UpgradeWave(models.Model):
    """A slice of a campaign; one at a time. The counters equal the rows."""

    campaign = models.ForeignKey(UpgradeCampaign, models.CASCADE, related_name="waves")
    number = models.PositiveSmallIntegerField()
    state = models.CharField(
        max_length=9, choices=WaveState.choices, default=WaveState.WAITING
    )
    total = models.PositiveIntegerField(default=0)
    # Not at an end, and not among those that are waited for longer than the wave is.
    holding = models.PositiveIntegerField(default=0)
    # Not at an end at all.
    remaining = models.PositiveIntegerField(default=0)
    succeeded = models.PositiveIntegerField(default=0)
    # Failed or timed out.
    failed = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    # While it soaks: until then.
    soak_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "number"], name="firmware_wave_once"
            )
        ]

    def __str__(self) -> str:
        return f"wave {self.number} of {self.campaign_id}"


class DeviceUpgrade(models.Model):
    """A campaign at one device."""

    campaign = models.ForeignKey(
        UpgradeCampaign, models.CASCADE, related_name="upgrades"
    )
    wave = models.ForeignKey(UpgradeWave, models.CASCADE, related_name="upgrades")
    # Null: removed since.
    device = models.ForeignKey(
        Device, models.SET_NULL, null=True, related_name="upgrades"
    )
    site = models.ForeignKey(Site, models.SET_NULL, null=True, related_name="+")
    # As they were, for a record outlives its device.
    device_name = models.CharField(max_length=63)
    device_mac = models.CharField(max_length=12)
    site_name = models.CharField(max_length=127)
    is_entrance = models.BooleanField()
    state = models.CharField(
        max_length=15, choices=UpgradeState.choices, default=UpgradeState.QUEUED
    )
    reason = models.CharField(max_length=23, choices=Why.choices, blank=True)
    way = models.CharField(max_length=7, choices=Way.choices, blank=True)
    # Offers so far.
    attempt = models.PositiveSmallIntegerField(default=0)
    # Of them: those that came to nothing, and count.
    misses = models.PositiveSmallIntegerField(default=0)
    # Its campaign runs and it is not at an end: no other may have the device.
    is_claimed = models.BooleanField(default=False)
    # The wave goes on without it; it is waited for on its own.
    is_late = models.BooleanField(default=False)
    # By the clock of its site.
    not_before = models.DateTimeField()
    # Looked at again then.
    next_at = models.DateTimeField(null=True)
    # The end of the hours that it was offered in; it is not written to after that.
    not_after = models.DateTimeField(null=True)
    # Of the phase that it is in.
    deadline_at = models.DateTimeField(null=True)
    # What it was when it was offered: it must be so afterwards.
    from_version = models.CharField(max_length=31, blank=True)
    had_sip = models.BooleanField(default=False)
    had_credentials = models.PositiveIntegerField(default=0)
    # What its own configuration was before a reset, JSON.
    backup = SealedTextField(blank=True)
    # A reset that was ordered after the upgrade, and when.
    reset_at = models.DateTimeField(null=True)
    # The order to the bridge, or the item in the device's file.
    command_id = models.UUIDField(null=True, unique=True)
    autop_item = models.ForeignKey(
        AutopItem, models.SET_NULL, null=True, related_name="+"
    )
    # Of the image.
    bytes_sent = models.PositiveBigIntegerField(default=0)
    offered_at = models.DateTimeField(null=True)
    # The moment from which on it cannot be taken back.
    installing_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # The record is not shown any more.
    is_hidden = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "device"], name="firmware_device_once_per_campaign"
            ),
            models.UniqueConstraint(
                fields=["device"],
                condition=Q(is_claimed=True),
                name="firmware_device_in_one_campaign",
            ),
            models.UniqueConstraint(
                fields=["site"],
                condition=Q(is_entrance=True, state__in=FLYING),
                name="firmware_one_entrance_of_a_house",
            ),
            models.CheckConstraint(
                condition=Q(is_claimed=False) | Q(state__in=OPEN),
                name="firmware_only_open_are_claimed",
            ),
        ]
        indexes = [
            models.Index(
                fields=["campaign", "next_at"],
                condition=Q(is_claimed=True),
                name="firmware_due",
            ),
            models.Index(
                fields=["site"],
                condition=Q(state__in=FLYING),
                name="firmware_flying",
            ),
            models.Index(fields=["campaign", "state"], name="firmware_by_state"),
            models.Index(fields=["device", "-id"], name="firmware_of_device"),
        ]

    def __str__(self) -> str:
        return self.device_name


class UpgradeStep(models.Model):
    """One transition of one device; written once, never changed."""

    upgrade = models.ForeignKey(DeviceUpgrade, models.CASCADE, related_name="steps")
    at = models.DateTimeField()
    state = models.CharField(max_length=15, choices=UpgradeState.choices)
    reason = models.CharField(max_length=23, choices=Why.choices, blank=True)
    attempt = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return f"{self.upgrade_id} {self.state} {self.at:%F %T}"
