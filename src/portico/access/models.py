from __future__ import annotations

from base64 import b64decode
from datetime import timedelta

from django.conf import settings
from django.db import models

from portico.access.enums import (
    CredentialKind,
    KeyKind,
    Repeat,
    ScheduleKind,
    SyncState,
    Trouble,
)
from portico.devices.models import Device, Relay
from portico.kernel.fields import SealedTextField
from portico.sites.models import Resident, Site


class Schedule(models.Model):
    """When a credential opens, in the house's own time; a credential without: always."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="schedules")
    name = models.CharField(max_length=63)
    kind = models.CharField(max_length=15, choices=ScheduleKind.choices)
    # Digits of the days of a weekly one, 0 is Sunday.
    days = models.CharField(max_length=7, blank=True)
    # [from, until) each day; both empty: the whole day.
    time_from = models.TimeField(null=True)
    time_until = models.TimeField(null=True)
    # Both included.
    date_from = models.DateField(null=True)
    date_until = models.DateField(null=True)
    created_at = models.DateTimeField()
    # Counts changes, so that of two who edit the same record the second is told.
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "name"], name="access_schedule_name_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Credential(models.Model):
    """What one resident opens with, for good or by a schedule."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="credentials")
    resident = models.ForeignKey(Resident, models.CASCADE, related_name="credentials")
    kind = models.CharField(max_length=15, choices=CredentialKind.choices)
    # Emptied when it is revoked: the units are told by number, not by value.
    value = SealedTextField(blank=True)
    label = models.CharField(max_length=63, blank=True)
    # What of it may be shown; of a PIN nothing.
    hint = models.CharField(max_length=7, blank=True)
    # Every relay of the house that has this method, also those that come later.
    opens_all = models.BooleanField(default=True)
    relays = models.ManyToManyField(Relay, related_name="credentials")
    schedule = models.ForeignKey(
        Schedule, models.PROTECT, null=True, related_name="credentials"
    )
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["site", "revoked_at"])]

    def __str__(self) -> str:
        return self.label or str(CredentialKind(self.kind).label)

    @property
    def entry_id(self) -> str:
        """Its number on the units."""
        return f"PT-C{self.pk}"


class Face(models.Model):
    """The photo of a face credential, as long as it is in force."""

    credential = models.OneToOneField(
        Credential, models.CASCADE, primary_key=True, related_name="face"
    )
    # A JPEG in base64.
    picture = SealedTextField()
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"face of {self.credential_id}"

    @property
    def jpeg(self) -> bytes:
        return b64decode(self.picture)


class TempKey(models.Model):
    """A code for a visitor: a PIN, and a QR with the same digits; or a dynamic QR code."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="temp_keys")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    kind = models.CharField(
        max_length=7, choices=KeyKind.choices, default=KeyKind.VISITOR
    )
    name = models.CharField(max_length=63)
    # Empty of a dynamic one.
    pin = SealedTextField(blank=True)
    # Of a dynamic one: what its codes are made of, in hex.
    secret = SealedTextField(blank=True)
    repeat = models.CharField(
        max_length=7, choices=Repeat.choices, default=Repeat.NEVER
    )
    # [starts_at, ends_at)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    # Of one that repeats: digits of its days, 0 is Sunday, and [from, until) on each of
    # them, in the house's own time.
    days = models.CharField(max_length=7, blank=True)
    time_from = models.TimeField(null=True)
    time_until = models.TimeField(null=True)
    # None: as often as wanted.
    uses_allowed = models.PositiveSmallIntegerField(default=1, null=True)
    # The number is each door's own.
    is_per_door = models.BooleanField(default=False)
    uses_made = models.PositiveSmallIntegerField(default=0)
    # All doors' uses together; None: no end.
    uses_in_all = models.PositiveIntegerField(default=1, null=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    relays = models.ManyToManyField(Relay, related_name="temp_keys")

    class Meta:
        indexes = [models.Index(fields=["site", "-created_at"])]

    def __str__(self) -> str:
        return self.name

    @property
    def entry_id(self) -> str:
        """Its number on the units."""
        return f"PT-K{self.pk}"

    @property
    def is_dynamic(self) -> bool:
        """Whether its QR code is another one every half minute, and it has no PIN."""
        return bool(self.secret)

    @property
    def is_used_up(self) -> bool:
        return self.uses_in_all is not None and self.uses_made >= self.uses_in_all


class DoorUse(models.Model):
    """How often a key with uses per door has opened one door."""

    key = models.ForeignKey(TempKey, models.CASCADE, related_name="door_uses")
    relay = models.ForeignKey(Relay, models.CASCADE, related_name="+")
    made = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key", "relay"], name="access_door_use_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.made} of {self.key_id} at {self.relay_id}"


class HeldValue(models.Model):
    """That a PIN or card of a house is taken: no value opens for two.

    The keyed digest is all that is compared; a row goes when its owner ends.
    """

    site = models.ForeignKey(Site, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    credential = models.OneToOneField(
        Credential, models.CASCADE, null=True, related_name="held_value"
    )
    temp_key = models.OneToOneField(
        TempKey, models.CASCADE, null=True, related_name="held_value"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "digest"], name="access_value_once_per_house"
            )
        ]

    def __str__(self) -> str:
        return f"value of {self.credential_id or self.temp_key_id}"


class DeviceAccess(models.Model):
    """How a unit's user list stands to what it should hold."""

    device = models.OneToOneField(
        Device, models.CASCADE, primary_key=True, related_name="access"
    )
    # Of what it should hold.
    revision = models.CharField(max_length=16)
    state = models.CharField(
        max_length=7, choices=SyncState.choices, default=SyncState.PENDING
    )
    # A value of Trouble, or empty.
    reason = models.CharField(max_length=31, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Not told again before; of one that is being written: given up then; of one that is
    # up to date: looked at again.
    next_try_at = models.DateTimeField()
    # The bridge's session that was told: a bridge that began anew forgot it.
    session = models.CharField(max_length=63, blank=True)
    confirmed_at = models.DateTimeField(null=True)
    # As last read back: all entries, and those that somebody made on the unit itself.
    entries = models.PositiveIntegerField(default=0)
    foreign = models.PositiveIntegerField(default=0)
    # When time alone changes what it should hold: a key begins or ends.
    changes_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["next_try_at"], name="access_devices_waiting"),
            models.Index(fields=["changes_at"], name="access_devices_changing"),
        ]

    def __str__(self) -> str:
        return f"access of {self.device_id}"

    @property
    def why(self) -> str:
        """What is wrong, in words; empty: nothing is known to be."""
        known = self.reason in Trouble.values
        return str(Trouble(self.reason).label) if known else ""


class AccessEntry(models.Model):
    """One credential or temp key on one unit: what is wanted, and since when it is so."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="access_entries")
    entry_id = models.CharField(max_length=31)
    credential = models.ForeignKey(
        Credential, models.SET_NULL, null=True, related_name="entries"
    )
    temp_key = models.ForeignKey(
        TempKey, models.SET_NULL, null=True, related_name="entries"
    )
    is_wanted = models.BooleanField(default=True)
    # Of what is wanted: the entry with its schedule.
    digest = models.CharField(max_length=64, blank=True)
    changed_at = models.DateTimeField()
    # Read back so from the unit; None: not yet.
    confirmed_at = models.DateTimeField(null=True)
    # Why the unit does not take it: a value of Trouble, or empty.
    reason = models.CharField(max_length=31, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["confirmed_at"],
                condition=models.Q(is_wanted=False),
                name="access_entries_removed",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "entry_id"], name="access_entry_once_per_device"
            )
        ]

    def __str__(self) -> str:
        return f"{self.entry_id} on {self.device_id}"

    @property
    def took(self) -> timedelta | None:
        """From the change here to the proof on the unit."""
        if self.confirmed_at is None:
            return None
        return max(self.confirmed_at - self.changed_at, timedelta())

    @property
    def took_ms(self) -> int | None:
        """The same in milliseconds."""
        return None if self.took is None else round(self.took.total_seconds() * 1000)

    @property
    def why(self) -> str:
        known = self.reason in Trouble.values
        return str(Trouble(self.reason).label) if known else ""
