"""What an installer sets up for his company: billing, logs, mails, service."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.models import CompanySettings
from portico.tenancy.selectors import owner_of

BILLING = (
    "billing_company",
    "billing_attention",
    "billing_address",
    "billing_phone",
    "billing_fax",
    "billing_email",
)
LOGS = (
    "log_unanswered_calls",
    "keep_door_days",
    "keep_call_days",
    "keep_alarm_days",
    "keep_motion_days",
    "keep_capture_days",
)
MAILS = ("mail_expiry", "mail_renewal")
SERVICE = ("service_phone", "service_email", "receive_feedback")


@transaction.atomic
def change_company_settings(
    *, actor: User, values: Mapping[str, str | bool | int], now: datetime
) -> None:
    """Save those fields of the settings that are named in ``values``.

    :raises NotPermitted: ``actor`` is not the installer's owner.
    """
    company = owner_of(actor, OrganizationKind.INSTALLER)
    CompanySettings.objects.get_or_create(organization=company)
    held = CompanySettings.objects.select_for_update().get(organization=company)
    before = {name: getattr(held, name) for name in values}
    if before == dict(values):
        return
    CompanySettings.objects.filter(pk=held.pk).update(**values)
    record(
        actor=actor,
        action="company_settings.changed",
        subject=company,
        organization_id=company.pk,
        before=before,
        after=values,
        now=now,
    )
