"""Documents for everybody, put there by the operator."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.support.errors import BadAttachment
from portico.support.models import Manual
from portico.support.rules import MAX_MANUAL_BYTES, FileData, file_problem
from portico.support.services.files import MANUALS, delete_on_commit, stored
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.selectors import owner_of


def upload_manual(
    *,
    actor: User,
    title: str,
    model: str,
    language: str,
    file: FileData,
    now: datetime,
) -> Manual:
    """Give everybody a PDF. :raises BadAttachment: it is none, or too large.

    :raises NotVisible, NotPermitted: ``actor`` does not decide for the operator.
    """
    operator = owner_of(actor, OrganizationKind.OPERATOR)
    problem = file_problem(file, only=(".pdf",), most=MAX_MANUAL_BYTES)
    if problem:
        raise BadAttachment(problem)
    with stored([file], MANUALS) as (name,), transaction.atomic():
        manual = Manual.objects.create(
            title=title,
            model=model,
            language=language,
            file=name,
            size=len(file.content),
            uploaded_at=now,
        )
        record(
            actor=actor,
            action="manual.uploaded",
            subject=manual,
            organization_id=operator.pk,
            after={"title": title, "model": model, "language": language},
            now=now,
        )
    return manual


@transaction.atomic
def remove_manual(*, actor: User, manual: Manual, now: datetime) -> None:
    """Delete a manual and its file; whoever has it keeps it.

    :raises NotVisible, NotPermitted: ``actor`` does not decide for the operator.
    """
    operator = owner_of(actor, OrganizationKind.OPERATOR)
    record(
        actor=actor,
        action="manual.removed",
        subject=manual,
        organization_id=operator.pk,
        before={"title": manual.title, "model": manual.model},
        now=now,
    )
    delete_on_commit(manual.file)
    manual.delete()
