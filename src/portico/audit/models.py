from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    """Who did what to which object; the database refuses to change or delete it.

    No foreign keys: an entry outlives whatever it speaks of.
    """

    at = models.DateTimeField(db_index=True)
    actor_id = models.BigIntegerField(null=True, db_index=True)
    actor_name = models.CharField(max_length=255, blank=True)
    # The company whose consent the actor used, when he acted in a portal not his own.
    on_behalf_of_id = models.BigIntegerField(null=True)
    organization_id = models.BigIntegerField(null=True, db_index=True)
    site_id = models.UUIDField(null=True, db_index=True)
    action = models.CharField(max_length=63)
    object_type = models.CharField(max_length=63)
    object_id = models.CharField(max_length=63)
    object_name = models.CharField(max_length=255, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=36, blank=True)

    class Meta:
        # Both end in the key, so that a page of equal times is always the same page.
        indexes = [
            models.Index(fields=["organization_id", "-at", "-id"]),
            models.Index(fields=["-at", "-id"]),
            models.Index(fields=["actor_id", "-at", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_name} {self.action}"
