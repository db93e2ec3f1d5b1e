"""What is sent to somebody's mailbox, to see whether it comes back."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from portico.accounts.enums import Audience, CodePurpose, LinkPurpose


class EmailCode(models.Model):
    """Six digits sent by mail; the newest of a user and purpose is the only one that counts.

    One that confirms an address comes with a link, which does the same.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    purpose = models.CharField(max_length=7, choices=CodePurpose.choices)
    email = models.EmailField()
    code_hash = models.CharField(max_length=128)
    link_digest = models.CharField(max_length=64, unique=True, null=True)
    tries_left = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["user", "purpose", "-created_at"], name="accounts_newest_code"
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose} code of {self.user_id}"


class PasswordLink(models.Model):
    """A link that lets one account set its password, once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    purpose = models.CharField(max_length=6, choices=LinkPurpose.choices)
    audience = models.CharField(max_length=8, choices=Audience.choices)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} link of {self.user_id}"
