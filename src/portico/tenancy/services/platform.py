"""The operator's switches."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.models import PlatformSettings
from portico.tenancy.selectors import organization_of


@transaction.atomic
def switch_app_api(*, actor: User, enabled: bool, now: datetime) -> None:
    """Turn the app API for third-party clients on or off, for everybody, at once.

    :raises NotVisible: ``actor`` does not work for the operator.
    """
    organization = organization_of(actor, OrganizationKind.OPERATOR)
    settings, _ = PlatformSettings.objects.get_or_create(pk=1)
    before = settings.app_api_enabled
    settings.app_api_enabled = enabled
    settings.save()
    record(
        actor=actor,
        action="platform.app_api_switched",
        subject=settings,
        organization_id=organization.pk,
        before={"enabled": before},
        after={"enabled": enabled},
        now=now,
    )
