from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    """Who did what to which object; the database refuses to change or delete it.

    No foreign keys: an entry outlives whatever it speaks of.
    """

    at = models.DateTimeField(db_index=True)
    actor_id = models.BigIntegerField(null=True, db_index=True)
    actor_name = models.CharField(max_length=255, blank=True)
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

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_name} {self.action}"
