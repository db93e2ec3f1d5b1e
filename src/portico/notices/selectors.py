"""Notices, seen by one person as one of a company."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from portico.notices.enums import FOR_THOSE_WHO_ANSWER, Audience
from portico.notices.models import FILED_UNDER, Notice, NoticeRead, ReadMark

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _State(TypedDict):
        is_unread: bool

    ReadNotice = WithAnnotations[Notice, _State]

# More are not counted: nobody reads the number.
COUNTED = 100


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose notices: a person in a company, since when, and what of it is his business."""

    user_id: int
    organization_id: int
    audiences: Collection[Audience]
    # Else of the company only what is said to him alone.
    hears_of_company: bool
    answers_for_company: bool
    since: datetime


def notices_of(reader: Reader) -> QuerySet[Notice]:
    """What ``reader`` is told, the newest first; of the time before him he hears nothing."""
    own = Q(audience="")
    if not reader.hears_of_company:
        own &= Q(user_id=reader.user_id)
    announced = Q(audience__in=list(reader.audiences))
    # Asked for a company's or announcements, SQLite reads all of a company's: with
    # 100,000 of them 0.1 seconds, on every page for the bell.
    found = Notice.objects.alias(filed_under=FILED_UNDER).filter(
        own | announced,
        Q(user_id=None) | Q(user_id=reader.user_id),
        filed_under__in=(reader.organization_id, 0),
        withdrawn_at=None,
        created_at__gte=reader.since,
    )
    if not reader.answers_for_company:
        found = found.exclude(kind__in=FOR_THOSE_WHO_ANSWER)
    return found.order_by("-pk")


def search_notices(notices: QuerySet[Notice], text: str) -> QuerySet[Notice]:
    """Narrow by what a notice names: companies, devices, titles."""
    return notices.filter(names__icontains=text) if text else notices


def unread(notices: QuerySet[Notice], user_id: int) -> QuerySet[Notice]:
    """Those of ``notices`` that the person has not read."""
    return notices.filter(_is_unread(user_id))


def with_state(notices: QuerySet[Notice], user_id: int) -> QuerySet[ReadNotice]:
    """``notices``, each with whether it ``is_unread``."""
    return notices.annotate(is_unread=_is_unread(user_id))


def _is_unread(user_id: int) -> Combinable | Q:
    mark = ReadMark.objects.filter(user_id=user_id).values("notice_id")
    read = NoticeRead.objects.filter(user_id=user_id, notice=OuterRef("pk"))
    return Q(pk__gt=Coalesce(mark, Value(0))) & ~Exists(read)


def unread_count(reader: Reader) -> int:
    """How many notices wait to be read, at most COUNTED; one query."""
    waiting = unread(notices_of(reader), reader.user_id)
    return waiting[:COUNTED].count()


def announcements() -> QuerySet[Notice]:
    """What the operator has announced, withdrawn ones too, the newest first."""
    return Notice.objects.filter(organization_id=None).order_by("-pk")
