"""Amounts of money in the viewer's format."""

from __future__ import annotations

from decimal import Decimal

from babel import Locale
from babel.numbers import format_currency, get_currency_precision
from django.utils.translation import get_language, to_locale

from portico.sites.enums import Feature
from portico.sites.selectors import price_list


def money(minor: int, currency: str) -> str:
    """``minor`` units of ``currency`` (ISO 4217) as people write them."""
    digits = get_currency_precision(currency)
    amount = Decimal(minor).scaleb(-digits)
    locale = Locale.parse(to_locale(get_language() or "en"))
    text: str = format_currency(amount, currency, locale=locale)
    return text


def monthly_prices() -> dict[str, str]:
    """What each service costs a month; empty for what costs nothing."""
    prices = price_list()
    return {
        feature.value: money(prices.monthly(feature), prices.currency)
        if prices.monthly(feature)
        else ""
        for feature in Feature
    }
