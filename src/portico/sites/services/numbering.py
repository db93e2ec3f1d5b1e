"""SIP numbers and passwords."""

from __future__ import annotations

from django.db.models import F

from portico.kernel.ids import new_secret
from portico.sites.errors import NumbersExhausted
from portico.sites.models import SipAccount, SipNumberSeries

# Ten digits like a phone number, none of which a public network would route.
FIRST_NUMBER = 5_000_000_001
LAST_NUMBER = 5_999_999_999


def allocate_sip_account() -> SipAccount:
    """A new account with the next free number and a random password.

    Call inside the transaction that uses it: a number that is rolled back is free again.

    :raises NumbersExhausted: the series has come to its end.
    """
    series, _ = SipNumberSeries.objects.select_for_update().get_or_create(
        pk=1, defaults={"next_number": FIRST_NUMBER, "last_number": LAST_NUMBER}
    )
    number = series.next_number
    if not SipNumberSeries.objects.filter(
        pk=1, next_number=number, last_number__gte=number
    ).update(next_number=F("next_number") + 1):
        raise NumbersExhausted
    return SipAccount.objects.create(number=str(number), password=new_secret())
