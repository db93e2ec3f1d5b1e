"""The operator's price list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.sites.enums import Feature
from portico.sites.models import PriceList
from portico.sites.selectors import price_list
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.selectors import organization_of


@transaction.atomic
def set_prices(
    *, actor: User, currency: str, monthly: Mapping[Feature, int], now: datetime
) -> None:
    """Save what the services cost a month, in minor units of ``currency`` (ISO 4217).

    What a house was given while it cost nothing stays its own.

    :raises NotVisible: ``actor`` does not work for the operator.
    """
    operator = organization_of(actor, OrganizationKind.OPERATOR)
    before = _words(price_list())
    prices, _ = PriceList.objects.select_for_update().get_or_create(pk=1)
    prices.currency = currency
    for feature, price in monthly.items():
        setattr(prices, feature, price)
    prices.save()
    record(
        actor=actor,
        action="platform.prices_set",
        subject=prices,
        organization_id=operator.pk,
        before=before,
        after=_words(prices),
        now=now,
    )


def _words(prices: PriceList) -> dict[str, object]:
    amounts = {feature.value: prices.monthly(feature) for feature in Feature}
    return {"currency": prices.currency, **amounts}
