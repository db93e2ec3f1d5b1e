from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from portico.accounts.enums import TimeFormat
from portico.sites.enums import CallMode, SiteKind
from portico.tenancy.models import Organization


class Site(models.Model):
    """A house or an estate that an installer looks after."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="sites")
    kind = models.CharField(
        max_length=15, choices=SiteKind.choices, default=SiteKind.SINGLE_FAMILY
    )
    name = models.CharField(_("name"), max_length=127)
    room_name = models.CharField(_("room name"), max_length=127)
    country = models.CharField(_("country/region"), max_length=2, blank=True)
    address = models.CharField(_("address"), max_length=255, blank=True)
    call_mode = models.CharField(
        max_length=3, choices=CallMode.choices, default=CallMode.SIP
    )
    time_zone = models.CharField(_("time zone"), max_length=63)
    language = models.CharField(_("language"), max_length=7, default="en")
    time_format = models.CharField(
        max_length=3, choices=TimeFormat.choices, default=TimeFormat.HOURS_24
    )
    with_indoor_monitor = models.BooleanField(_("with indoor monitor"), default=False)
    # E.164, called in this order; used while Premium Plan and Landline Service are on.
    landline_1 = models.CharField(_("landline 1"), max_length=16, blank=True)
    landline_2 = models.CharField(_("landline 2"), max_length=16, blank=True)
    landline_3 = models.CharField(_("landline 3"), max_length=16, blank=True)
    # Chosen; whether it runs is said by the entitlements.
    premium_plan = models.BooleanField(_("premium plan"), default=False)
    landline_service = models.BooleanField(_("landline service"), default=False)
    # Once on it stays on (SITE-4).
    smart_home = models.BooleanField(_("smart home"), default=False)
    # The house's own home automation; empty: the installation's portal.
    smart_home_url = models.URLField(max_length=255, blank=True)
    # Family members who are not paid for.
    free_members = models.PositiveSmallIntegerField(default=3)
    # Rings the whole family; a community has none.
    family_sip = models.OneToOneField(
        "sites.SipAccount", models.PROTECT, null=True, related_name="family_of"
    )
    created_at = models.DateTimeField()
    # When it was emptied for a new tenant.
    reset_at = models.DateTimeField(null=True)
    # Counted up with every change of what the form holds: of two who edit at once the
    # second is told.
    version = models.PositiveIntegerField(default=1)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "name", "id"]),
            # The order in which a distributor sees them.
            models.Index(
                fields=["organization", "room_name", "id"], name="sites_by_room"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    kind=SiteKind.SINGLE_FAMILY, family_sip__isnull=False
                )
                | models.Q(kind=SiteKind.COMMUNITY, family_sip__isnull=True),
                name="sites_families_alone_have_a_number",
            )
        ]

    def __str__(self) -> str:
        return self.room_name

    @property
    def landlines(self) -> list[str]:
        """The numbers there are, in their order."""
        numbers = (self.landline_1, self.landline_2, self.landline_3)
        return [number for number in numbers if number]

    @property
    def is_community(self) -> bool:
        return self.kind == SiteKind.COMMUNITY
