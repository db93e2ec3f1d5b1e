from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portico.tenancy.enums import OfflineAfter, OrganizationKind, Role


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
    # Counted up with every change, so that of two who edit at once the second is told.
    version = models.PositiveIntegerField(default=1)
    # Granted by the distributor above (ORG-4).
    may_pay = models.BooleanField(default=False)
    requires_email_code = models.BooleanField(default=False)
    # SET-8: the distributor offers it, the installer consents; both can take it back.
    access_offered = models.BooleanField(default=False)
    access_granted_at = models.DateTimeField(null=True)

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


class CompanySettings(models.Model):
    """What an installer has set up for his company and its customers (SET-1, 4 to 6)."""

    organization = models.OneToOneField(
        Organization, models.CASCADE, related_name="settings", primary_key=True
    )
    # The guide's six fields of the billing information.
    billing_company = models.CharField(_("company/family"), max_length=127, blank=True)
    billing_attention = models.CharField(_("ATTN"), max_length=127, blank=True)
    billing_address = models.CharField(_("address"), max_length=255, blank=True)
    billing_phone = models.CharField(_("TEL"), max_length=31, blank=True)
    billing_fax = models.CharField(_("fax"), max_length=31, blank=True)
    billing_email = models.EmailField(_("email"), blank=True)
    log_unanswered_calls = models.BooleanField(default=True)
    # For how many days each kind of line, and pictures, are kept (LOG-3).
    keep_door_days = models.PositiveSmallIntegerField(default=365)
    keep_call_days = models.PositiveSmallIntegerField(default=365)
    keep_alarm_days = models.PositiveSmallIntegerField(default=365)
    keep_motion_days = models.PositiveSmallIntegerField(default=30)
    keep_capture_days = models.PositiveSmallIntegerField(default=30)
    mail_expiry = models.BooleanField(default=True)
    mail_renewal = models.BooleanField(default=True)
    service_phone = models.CharField(_("phone"), max_length=31, blank=True)
    service_email = models.EmailField(_("email"), blank=True)
    receive_feedback = models.BooleanField(default=False)
    # From when on the dashboard tells of a device that is offline (NAV-2).
    offline_hours = models.PositiveSmallIntegerField(
        choices=OfflineAfter.choices, default=OfflineAfter.DAY
    )

    def __str__(self) -> str:
        return f"settings of {self.organization_id}"


class Membership(models.Model):
    """A staff account's one place in one organisation."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="membership"
    )
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=15, choices=Role.choices)
    # Of a property manager: told once a month to change the password.
    password_reminder = models.BooleanField(default=False)
    # When that was said last, or switched on.
    reminded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(role=Role.VISITOR),
                name="tenancy_visitor_not_stored",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class PortalVisit(models.Model):
    """Somebody of the distributor inside an installer's portal, by consent (SET-8)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="visits"
    )
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"visit of {self.user_id} in {self.organization_id}"
