from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import QuerySet

from portico.kernel.outbox import publish_on_commit
from portico.notices.models import Notice, NoticeRead, ReadMark
from portico.notices.selectors import Reader, notices_of, unread


@transaction.atomic
def mark_read(*, reader: Reader, notice_id: int) -> bool:
    """Note that ``reader`` has read one notice; whether it is one of his."""
    if not notices_of(reader).filter(pk=notice_id).exists():
        return False
    NoticeRead.objects.get_or_create(user_id=reader.user_id, notice_id=notice_id)
    _hint(reader)
    return True


@transaction.atomic
def mark_read_under(*, reader: Reader, keys: Collection[str]) -> None:
    """Note that ``reader`` has seen what the notices under ``keys`` speak of."""
    found = unread(notices_of(reader).filter(key__in=keys), reader.user_id)
    made = [NoticeRead(user_id=reader.user_id, notice=notice) for notice in found]
    if made:
        NoticeRead.objects.bulk_create(made, ignore_conflicts=True)
        _hint(reader)


@transaction.atomic
def mark_all_read(*, reader: Reader, up_to: int) -> None:
    """Note that ``reader`` has read everything up to the notice ``up_to``, his newest."""
    newest = notices_of(reader).filter(pk__lte=up_to).first()
    if newest is None:
        return
    mark, made = ReadMark.objects.select_for_update().get_or_create(
        user_id=reader.user_id, defaults={"notice_id": newest.pk}
    )
    if not made and mark.notice_id < newest.pk:
        ReadMark.objects.filter(pk=mark.pk).update(notice_id=newest.pk)
    _single_reads(reader, newest).delete()
    _hint(reader)


def _single_reads(reader: Reader, newest: Notice) -> QuerySet[NoticeRead]:
    reads = NoticeRead.objects.filter(user_id=reader.user_id)
    return reads.filter(notice_id__lte=newest.pk)


def _hint(reader: Reader) -> None:
    """The bells on his other pages count anew."""
    publish_on_commit("notices.changed", organization=reader.organization_id)
