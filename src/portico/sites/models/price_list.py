from __future__ import annotations

from django.db import models

from portico.sites.enums import Feature


class PriceList(models.Model):
    """What each service costs a month, in minor units of the currency; one row.

    Nothing means that it is given to every house that wants it, for good.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    # ISO 4217.
    currency = models.CharField(max_length=3, default="EUR")
    # Named as in Feature.
    app = models.PositiveIntegerField(default=0)
    additional_app = models.PositiveIntegerField(default=0)
    premium = models.PositiveIntegerField(default=0)
    video = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(id=1), name="sites_one_price_list"
            )
        ]

    def __str__(self) -> str:
        return f"prices in {self.currency}"

    def monthly(self, feature: Feature) -> int:
        """What ``feature`` costs for a month, in minor units."""
        price: int = getattr(self, feature)
        return price
