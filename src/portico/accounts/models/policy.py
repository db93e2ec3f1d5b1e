from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class PolicyConsent(models.Model):
    """That an account agreed to one version of the privacy policy; written once."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="consents"
    )
    version = models.CharField(max_length=31)
    at = models.DateTimeField()
    address = models.CharField(max_length=45, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "version"], name="accounts_one_consent_per_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} agreed to {self.version}"


class ServiceProviderInformation(models.Model):
    """Who serves the end users, as they read it inside their privacy policy."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="provider_information",
    )
    company = models.CharField(_("company"), max_length=127, blank=True)
    address = models.CharField(_("address"), max_length=255, blank=True)
    phone = models.CharField(_("phone"), max_length=31, blank=True)
    email = models.EmailField(_("email"), blank=True)
    website = models.URLField(_("website"), blank=True)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.company or f"service provider {self.user_id}"
