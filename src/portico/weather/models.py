from __future__ import annotations

from django.db import models

from portico.sites.models import Site


class Place(models.Model):
    """The weather of a square of a tenth of a degree; houses near each other share it."""

    # Tenths of a degree, north and east.
    latitude = models.SmallIntegerField()
    longitude = models.SmallIntegerField()
    # What was last heard: see :class:`portico.protocols.open_meteo.Weather`.
    temperature = models.FloatField(null=True)
    code = models.PositiveSmallIntegerField(null=True)
    is_day = models.BooleanField(default=True)
    days = models.JSONField(default=list)
    heard_at = models.DateTimeField(null=True)
    # When it is asked for next; failures in a row make that later.
    due_at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["latitude", "longitude"], name="weather_one_place_per_square"
            )
        ]
        indexes = [models.Index(fields=["due_at"])]

    def __str__(self) -> str:
        return f"{self.latitude / 10}, {self.longitude / 10}"


class Location(models.Model):
    """Where a house is, as far as its address tells."""

    site = models.OneToOneField(
        Site, models.CASCADE, primary_key=True, related_name="location"
    )
    # What was searched for: country and address, so that a change is noticed.
    searched = models.CharField(max_length=300)
    # None: nothing was found there.
    place = models.ForeignKey(
        Place, models.PROTECT, null=True, related_name="locations"
    )
    name = models.CharField(max_length=127, blank=True)
    searched_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name or self.searched
