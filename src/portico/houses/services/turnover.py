"""A house is emptied for a new tenant, or deleted: each in one transaction, in all apps."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portico.access.services.leaving import forget_keys
from portico.accounts.models import User
from portico.devices.selectors import bridge_of, devices_of_site
from portico.devices.services.bridges import remove_bridge
from portico.devices.services.registration import remove_device
from portico.devices.services.wipes import order_wipes
from portico.events.services.retention import forget_log_of_site
from portico.houses.models import CheckMark
from portico.kernel.errors import NotVisible
from portico.kernel.rows import hold
from portico.messaging.services.forgetting import forget_messages_of_site
from portico.sites.models import Site
from portico.sites.selectors import get_visible_site
from portico.sites.services.leaving import delete_site_with_people, empty_house


@transaction.atomic
def reset_house(*, actor: User, site: Site, now: datetime) -> None:
    """Empty a house for a change of tenant (SITE-8).

    Removed: family members; email, mobile number, country and landlines; logs and
    histories; messages; codes, here and on the devices. Kept: the house with its
    services, the number of free members, settings, devices, and the audit log. The app is
    unregistered, and nobody is sent anything.

    :raises NotVisible: no house of ``actor``.
    """
    site = _house(actor, site)
    forget_keys(actor=actor, site=site, now=now)
    forget_messages_of_site(site=site)
    forget_log_of_site(site=site)
    # The new people's phones are still to ring.
    CheckMark.objects.filter(site=site, item__startswith="call:").delete()
    order_wipes(site=site, now=now)
    empty_house(actor=actor, site=site, now=now)


@transaction.atomic
def delete_house(*, actor: User, site: Site, now: datetime) -> None:
    """Delete a house with its people, devices, services and logs; the audit log stays.

    MACs, email and numbers are free for others; SIP numbers are nobody's again.

    :raises NotVisible: no house of ``actor``.
    """
    site = _house(actor, site)
    forget_keys(actor=actor, site=site, now=now)
    forget_messages_of_site(site=site)
    forget_log_of_site(site=site)
    for device in devices_of_site(site).select_related("sip", "site"):
        remove_device(actor=actor, device=device, now=now)
    bridge = bridge_of(site)
    if bridge is not None:
        remove_bridge(actor=actor, bridge=bridge, now=now)
    delete_site_with_people(actor=actor, site=site, now=now)


def _house(actor: User, site: Site) -> Site:
    found = get_visible_site(actor, site.pk)
    if found.is_community:
        raise NotVisible
    hold(found)
    return found
