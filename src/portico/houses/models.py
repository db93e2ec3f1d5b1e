from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from portico.houses.enums import UNDER_WAY, ImportState
from portico.kernel.fields import SealedTextField
from portico.sites.models import Site
from portico.tenancy.models import Organization


class HouseImport(models.Model):
    """A file of houses and residents that was found in order, and how far it is loaded."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+"
    )
    file_name = models.CharField(max_length=127)
    # The rows as JSON, sealed: they are addresses of people. Empty once it is over.
    rows = SealedTextField()
    state = models.CharField(
        max_length=15, choices=ImportState.choices, default=ImportState.READY
    )
    houses_total = models.PositiveIntegerField()
    # Houses made, and of those the ones whose people were told; when it is taken back,
    # counted down again.
    houses_done = models.PositiveIntegerField(default=0)
    houses_told = models.PositiveIntegerField(default=0)
    # Which row could not be loaded, and why.
    failed_row = models.PositiveIntegerField(null=True)
    failure = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()
    touched_at = models.DateTimeField()
    sites: models.ManyToManyField[Site, HouseImportSite] = models.ManyToManyField(
        Site, through="HouseImportSite", related_name="+"
    )

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-created_at"]),
            models.Index(
                fields=["touched_at"],
                condition=models.Q(state__in=UNDER_WAY),
                name="houses_imports_under_way",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_under_way(self) -> bool:
        """Whether something is still to come of it."""
        return self.state in UNDER_WAY


class HouseImportSite(models.Model):
    """A house that an import has made."""

    house_import = models.ForeignKey(HouseImport, models.CASCADE)
    site = models.OneToOneField(Site, models.CASCADE)
    # The place in the file.
    number = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.site_id} of {self.house_import_id}"


class CheckMark(models.Model):
    """A step of the commissioning that somebody has looked at and found right."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="check_marks")
    # Which step of what: see :mod:`portico.houses.commissioning`.
    item = models.CharField(max_length=63)
    marked_by = models.CharField(max_length=127)
    marked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "item"], name="houses_one_mark_per_item"
            )
        ]

    def __str__(self) -> str:
        return f"{self.item} of {self.site_id}"
