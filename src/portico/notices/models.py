from __future__ import annotations

from django.db import models

from portico.notices.enums import Audience, NoticeKind

# The company, or 0 for announcements. Not Coalesce: it would pass the 0 as a parameter,
# and SQLite would not know its index by that.
FILED_UNDER = models.Func(
    "organization_id",
    template="COALESCE(%(expressions)s, 0)",
    output_field=models.BigIntegerField(),
)


class Notice(models.Model):
    """Something that a company, or one person of it, should know.

    Companies and people are numbers: they are above this app. A notice without a company
    is an announcement of the operator to an audience.
    """

    organization_id = models.BigIntegerField(null=True)
    # One person alone; null: everybody of the company whose business it is.
    user_id = models.BigIntegerField(null=True)
    audience = models.CharField(max_length=15, choices=Audience.choices, blank=True)
    kind = models.CharField(max_length=31, choices=NoticeKind.choices)
    # What the words of the kind need; of an announcement its title and text.
    params = models.JSONField(default=dict)
    # Their values, to be searched.
    names = models.TextField(blank=True)
    is_important = models.BooleanField(default=False)
    # What caused it, so that it is told once.
    key = models.CharField(max_length=127, blank=True)
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "key"],
                condition=~models.Q(key=""),
                name="notices_told_once",
            ),
            models.CheckConstraint(
                condition=models.Q(organization_id__isnull=True)
                ^ models.Q(audience=""),
                name="notices_company_or_audience",
            ),
        ]
        indexes = [
            models.Index(fields=["organization_id", "-id"]),
            # The order of what a reader is told: by his company and by the operator.
            models.Index(FILED_UNDER, models.F("id").desc(), name="notices_newest"),
        ]

    def __str__(self) -> str:
        return str(self.params.get("title") or self.kind)


class NoticeRead(models.Model):
    """That one person has read one notice."""

    user_id = models.BigIntegerField()
    notice = models.ForeignKey(Notice, models.CASCADE, related_name="reads")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user_id", "notice"], name="notices_read_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.notice_id} read by {self.user_id}"


class ReadMark(models.Model):
    """Up to which notice somebody has read all of them."""

    user_id = models.BigIntegerField(primary_key=True)
    notice_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"all to {self.notice_id} read by {self.user_id}"
