from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from babel import Locale
from babel.numbers import get_currency_precision, list_currencies
from django import forms
from django.utils.translation import gettext_lazy as _

from portico.kernel.ids import new_secret
from portico.portals.shared.forms import StyledForm
from portico.sites.enums import Feature
from portico.sites.services.entitlements import MOST_MONTHS

if TYPE_CHECKING:
    from portico.sites.models import PriceList


def _currencies() -> list[tuple[str, str]]:
    names = Locale("en").currencies
    return [
        (code, f"{code} · {names.get(code, code)}")
        for code in sorted(list_currencies(locale=Locale("en")))
    ]


class PricesForm(StyledForm):
    """What each service costs a month, in whole units and parts of the currency."""

    currency = forms.ChoiceField(label=_("Currency"), choices=_currencies)

    def __init__(self, *args: Any, prices: PriceList, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["currency"].initial = prices.currency
        digits = get_currency_precision(prices.currency)
        for feature in Feature:
            field = forms.DecimalField(
                label=feature.label,
                min_value=0,
                max_value=100_000,
                max_digits=9,
                decimal_places=3,
                initial=Decimal(prices.monthly(feature)).scaleb(-digits),
                widget=forms.TextInput(
                    attrs={"inputmode": "decimal", "class": "form-control"}
                ),
            )
            self.fields[feature.value] = field

    def clean(self) -> dict[str, Any]:
        """No part of the smallest coin."""
        data: dict[str, Any] = super().clean() or {}
        currency = data.get("currency")
        for feature in Feature:
            amount = data.get(feature.value)
            if currency and amount is not None and _minor(amount, currency) % 1:
                self.add_error(
                    feature.value,
                    _("%(currency)s has %(digits)d decimal places.")
                    % {
                        "currency": currency,
                        "digits": get_currency_precision(currency),
                    },
                )
        return data

    def monthly(self) -> dict[Feature, int]:
        """The prices in minor units; only after ``is_valid``."""
        data = self.cleaned_data
        return {
            feature: int(_minor(data[feature.value], data["currency"]))
            for feature in Feature
        }


def _minor(amount: Decimal, currency: str) -> Decimal:
    return amount.scaleb(get_currency_precision(currency))


class GrantForm(StyledForm):
    """For how long a service is granted. The key makes a second click the same grant."""

    months = forms.TypedChoiceField(
        label=_("For"),
        coerce=int,
        empty_value=None,
        required=False,
        initial="12",
    )
    key = forms.CharField(max_length=63, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        months = self.fields["months"]
        assert isinstance(months, forms.ChoiceField)  # noqa: S101 -- declared so
        months.choices = [
            *(
                (str(count), _("%(count)d months") % {"count": count})
                for count in range(1, MOST_MONTHS + 1)
            ),
            ("", _("without end")),
        ]
        self.fields["key"].initial = new_secret()
