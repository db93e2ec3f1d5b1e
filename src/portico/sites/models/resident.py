from __future__ import annotations

from django.conf import settings
from django.db import models

from portico.sites.enums import RegistrationState, ResidentRole
from portico.sites.models.sip_account import SipAccount
from portico.sites.models.site import Site


class Resident(models.Model):
    """Who lives in a site, and the account that he opens its doors with.

    Who lives in several sites is a resident of each, with one account (SITE-7).
    """

    site = models.ForeignKey(Site, models.CASCADE, related_name="residents")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="residents"
    )
    role = models.CharField(max_length=7, choices=ResidentRole.choices)
    sip = models.OneToOneField(SipAccount, models.PROTECT, related_name="resident")
    # Unregistered until the resident has set a password or signed in.
    registered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site"],
                condition=models.Q(role=ResidentRole.MASTER),
                name="sites_one_master_per_site",
            ),
            models.UniqueConstraint(
                fields=["user", "site"], name="sites_lives_there_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} of {self.site}"

    @property
    def registration(self) -> RegistrationState:
        if self.registered_at is None:
            return RegistrationState.UNREGISTERED
        return RegistrationState.REGISTERED
