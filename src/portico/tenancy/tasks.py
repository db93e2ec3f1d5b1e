from __future__ import annotations

from portico.kernel.clock import utcnow
from portico.kernel.queue import job
from portico.notices.services.telling import MAIL
from portico.tenancy.services.notice_mails import mail_notice


@job(MAIL)
def mail_important_notice(notice_id: int, after: int = 0) -> None:
    mail_notice(notice_id=notice_id, after=after, now=utcnow())
