from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portico.tenancy.enums import OrganizationKind, Role


class Organization(models.Model):
    """A company in the sales chain: operator > distributor > sub-distributor > installer."""

    kind = models.CharField(max_length=15, choices=OrganizationKind.choices)
    name = models.CharField(_("name"), max_length=127)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="children"
    )
    # "/1/4/9/": the ids from the root down to this one, so that "all below" is a prefix.
    path = models.CharField(max_length=255, blank=True, db_index=True)
    time_zone = models.CharField(max_length=63, default="UTC")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind"],
                condition=models.Q(kind=OrganizationKind.OPERATOR),
                name="tenancy_one_operator",
            ),
            models.CheckConstraint(
                condition=models.Q(parent__isnull=True, kind=OrganizationKind.OPERATOR)
                | (
                    models.Q(parent__isnull=False)
                    & ~models.Q(kind=OrganizationKind.OPERATOR)
                ),
                name="tenancy_only_operator_is_root",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A staff account's one place in one organisation."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="membership"
    )
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=15, choices=Role.choices)

    def __str__(self) -> str:
        return f"{self.user_id} in {self.organization_id} as {self.role}"
