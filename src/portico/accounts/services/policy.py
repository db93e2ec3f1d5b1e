"""The privacy policy: agreed to once per version, with who serves the end users."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from portico.accounts.models import PolicyConsent, ServiceProviderInformation, User
from portico.audit.services import record
from portico.kernel.context import origin


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderData:
    """The form *Service Provider Information*; everything may be empty."""

    company: str = ""
    address: str = ""
    phone: str = ""
    email: str = ""
    website: str = ""


@transaction.atomic
def accept_policy(*, user: User, version: str, now: datetime) -> None:
    """Note that ``user`` agrees to ``version``; a second time changes nothing."""
    consent, is_new = PolicyConsent.objects.get_or_create(
        user=user,
        version=version,
        defaults={"at": now, "address": origin.get().address},
    )
    if is_new:
        after = {"version": version}
        record(
            actor=user,
            action="policy.accepted",
            subject=consent,
            after=after,
            now=now,
        )
    User.objects.filter(pk=user.pk).update(policy_version=version)
    user.policy_version = version


@transaction.atomic
def refuse_policy(*, user: User, version: str, now: datetime) -> None:
    """Note that ``user`` does not agree; whoever calls signs him out."""
    record(
        actor=user,
        action="policy.refused",
        subject=user,
        after={"version": version},
        now=now,
    )


@transaction.atomic
def save_provider_information(*, user: User, data: ProviderData, now: datetime) -> None:
    """Keep what end users read about who serves them."""
    fields = asdict(data)
    row = ServiceProviderInformation.objects.filter(user=user).first()
    before = {key: getattr(row, key) for key in fields} if row else {}
    if before == fields:
        return
    row, _ = ServiceProviderInformation.objects.update_or_create(
        user=user, defaults=fields | {"updated_at": now}
    )
    record(
        actor=user,
        action="provider_information.saved",
        subject=row,
        before=before,
        after=fields,
        now=now,
    )
