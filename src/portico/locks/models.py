from __future__ import annotations

import json
import uuid

from django.conf import settings
from django.db import models

from portico.devices.enums import OPEN_STATES, CommandChannel, CommandState
from portico.kernel.fields import SealedTextField
from portico.locks.enums import AccountState, Battery, Bolt, LockReason
from portico.locks.ports import LockFailed, LockProvider, find_brand
from portico.sites.models import Site
from portico.tenancy.models import Organization


class LockAccount(models.Model):
    """A company's account at a vendor of locks, and how it answered last."""

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="lock_accounts"
    )
    brand = models.CharField(max_length=31)
    name = models.CharField(max_length=63)
    # A JSON object of the brand's fields.
    credentials = SealedTextField()
    state = models.CharField(
        max_length=15, choices=AccountState.choices, default=AccountState.NEW
    )
    reason = models.CharField(max_length=31, choices=LockReason.choices, blank=True)
    state_since = models.DateTimeField()
    checked_at = models.DateTimeField(null=True)
    # When it is asked for its locks next; failures in a row make that later.
    due_at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0)
    # Counts changes of the credentials: an answer to older ones says nothing.
    version = models.PositiveIntegerField(default=1)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "name", "id"]),
            models.Index(fields=["due_at"]),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def brand_name(self) -> str:
        """What the vendor is called."""
        brand = find_brand(self.brand)
        return brand.name if brand else self.brand

    def connect(self) -> LockProvider:
        """The vendor, for this account. :raises LockFailed: no such brand any more."""
        brand = find_brand(self.brand)
        if brand is None:
            raise LockFailed(LockReason.REJECTED)
        return brand.connect(self.settings)

    @property
    def settings(self) -> dict[str, str]:
        """The credentials, plain."""
        found: dict[str, str] = json.loads(self.credentials)
        return found


class Lock(models.Model):
    """A vendor's lock, as the vendor last told, and the house that it is assigned to."""

    account = models.ForeignKey(LockAccount, models.CASCADE, related_name="locks")
    # The account's, once more: scope is asked by it.
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    vendor_id = models.CharField(max_length=127)
    name = models.CharField(max_length=63)
    site = models.ForeignKey(Site, models.SET_NULL, null=True, related_name="locks")
    battery = models.CharField(max_length=7, choices=Battery.choices, blank=True)
    bolt = models.CharField(max_length=15, choices=Bolt.choices, blank=True)
    # None: the vendor does not say.
    is_online = models.BooleanField(null=True)
    # False: the vendor does not list it any more.
    is_listed = models.BooleanField(default=True)
    last_seen_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["site", "name", "id"])]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "vendor_id"], name="locks_one_of_each"
            )
        ]

    def __str__(self) -> str:
        return self.name


class LockCommand(models.Model):
    """One opening of a lock and what became of it; every hop has its time.

    Once ``sent_at`` is set it is never sent again, whatever happens.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    lock = models.ForeignKey(Lock, models.CASCADE, related_name="commands")
    # The house that the lock was assigned to then.
    site = models.ForeignKey(Site, models.CASCADE, related_name="+")
    state = models.CharField(max_length=15, choices=CommandState.choices)
    reason = models.CharField(max_length=31, choices=LockReason.choices, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    requested_by_name = models.CharField(max_length=127)
    channel = models.CharField(max_length=7, choices=CommandChannel.choices)
    idempotency_key = models.CharField(max_length=63, blank=True)
    requested_at = models.DateTimeField()
    # Nobody asks the vendor after this moment.
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # Its line in the house's log, so that there is one.
    log_entry_id = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["lock", "-requested_at"]),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state__in=OPEN_STATES),
                name="locks_open_commands",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["requested_by", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="locks_command_key_once",
            ),
            models.UniqueConstraint(
                fields=["lock"],
                condition=models.Q(state__in=OPEN_STATES),
                name="locks_one_open_command",
            ),
        ]

    def __str__(self) -> str:
        return f"open {self.lock_id}: {self.state}"

    @property
    def is_finished(self) -> bool:
        """Nothing changes it any more, but a late answer."""
        return self.state not in OPEN_STATES

    @property
    def why(self) -> str:
        """Why it came to nothing, as a sentence."""
        return self.get_reason_display()

    @property
    def latency_ms(self) -> int | None:
        """From the tap to the vendor's answer."""
        if self.acknowledged_at is None:
            return None
        took = (self.acknowledged_at - self.requested_at).total_seconds()
        return max(0, round(took * 1000))
