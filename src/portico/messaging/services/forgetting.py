"""A house changes hands: its new people read nothing that the old ones were told."""

from __future__ import annotations

from django.db import transaction

from portico.messaging.models import Message, Receipt
from portico.sites.models import Site


@transaction.atomic
def forget_messages_of_site(*, site: Site) -> None:
    """Remove what the people and monitors of ``site`` were sent, or wait for.

    Messages to one of its people go as a whole, scheduled ones too. Those to many keep
    their other receivers. What a monitor has shown it keeps until it is reset itself.
    """
    Message.objects.filter(resident__site=site).delete()
    Receipt.objects.filter(site=site).delete()
