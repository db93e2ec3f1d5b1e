"""A reply by mail becomes a message of its ticket, or is left out with a reason."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses
from enum import StrEnum

from django.db import IntegrityError
from django.utils.html import strip_tags
from mailparser_reply import EmailReplyParser
from mailparser_reply.constants import MAIL_LANGUAGES

from portico.accounts.models import User
from portico.kernel.errors import DomainError
from portico.support.models import Ticket
from portico.support.rules import MAX_FILES, FileData, file_problem, read_address
from portico.support.selectors import get_visible_ticket, mail_is_known
from portico.support.services.tickets import answer_ticket

# The parser's time grows with the square of the text: 10,000 characters made to hurt
# take it two seconds, a page of a real mail a millisecond.
_MAX_TEXT = 10_000
_MAX_RECIPIENTS = 50
_parser = EmailReplyParser(languages=list(MAIL_LANGUAGES))
_GAPS = re.compile(r"\n\s*\n\s*")
_QUOTES = re.compile(r"<blockquote.*", re.DOTALL | re.IGNORECASE)
_BREAKS = re.compile(r"<(?:br|/p|/div|/tr|/li)\b[^>]*>", re.IGNORECASE)
_UNSEEN = re.compile(r"<(style|script|head)\b.*?</\1>", re.DOTALL | re.IGNORECASE)


class Outcome(StrEnum):
    """What became of a mail; the counter of the metrics has one of each."""

    TAKEN = "taken"
    AUTOMATIC = "automatic"
    UNKNOWN = "unknown"
    NOT_THE_PERSON = "not_the_person"
    KNOWN = "known"
    EMPTY = "empty"


def take_mail(*, raw: bytes, now: datetime) -> Outcome:
    """Add the mail to its ticket, as the person whose token it carries.

    The token alone is not enough: the mail must come from that person's address, so that
    a mail that was passed on does not let a stranger answer in his name.
    """
    mail = message_from_bytes(raw, policy=policy.default)
    if _is_automatic(mail):
        return Outcome.AUTOMATIC
    token = _token(mail)
    if token is None:
        return Outcome.UNKNOWN
    user = User.objects.filter(pk=token[1], is_active=True).first()
    if user is None or user.email not in _addresses(mail, "From"):
        return Outcome.NOT_THE_PERSON if user else Outcome.UNKNOWN
    mail_id = _mail_id(mail, raw)
    if mail_is_known(mail_id):
        return Outcome.KNOWN
    try:
        ticket = get_visible_ticket(user, token[0])
    except DomainError:
        return Outcome.UNKNOWN
    return _answer(mail, user, ticket, mail_id, now)


def _answer(
    mail: EmailMessage, user: User, ticket: Ticket, mail_id: str, now: datetime
) -> Outcome:
    text = reply_text(mail)
    files = [file for file in _files(mail) if not file_problem(file)][:MAX_FILES]
    if not text and not files:
        return Outcome.EMPTY
    try:
        answer_ticket(
            actor=user,
            ticket=ticket,
            text=text or "—",
            files=files,
            mail_id=mail_id,
            now=now,
        )
    except IntegrityError:  # another worker has just taken it
        return Outcome.KNOWN
    return Outcome.TAKEN


def _is_automatic(mail: EmailMessage) -> bool:
    """An absence note or a bounce (RFC 3834): answering it would never end."""
    automatic = str(mail.get("Auto-Submitted", "no")).lower()
    bulk = str(mail.get("Precedence", "")).lower()
    return automatic != "no" or bulk in {"bulk", "junk", "list", "auto_reply"}


def _token(mail: EmailMessage) -> tuple[int, int] | None:
    names = ("To", "Cc", "Delivered-To", "X-Original-To")
    for address in _addresses(mail, *names):
        token = read_address(address)
        if token is not None:
            return token
    return None


def _addresses(mail: EmailMessage, *names: str) -> Sequence[str]:
    values = [str(value) for name in names for value in mail.get_all(name, [])]
    return [found.lower() for _, found in getaddresses(values)][:_MAX_RECIPIENTS]


def _mail_id(mail: EmailMessage, raw: bytes) -> str:
    """What tells this mail from all others, whoever wrote its id."""
    named = str(mail.get("Message-ID", "")).strip()
    return hashlib.sha256(named.encode() or raw).hexdigest()


def reply_text(mail: EmailMessage) -> str:
    """What the person has written, without what his program quotes below it."""
    part = mail.get_body(("plain", "html"))
    if part is None:
        return ""
    try:
        text = str(part.get_content())
    except (LookupError, ValueError):  # an encoding that nobody knows
        payload = part.get_payload(decode=True)
        text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    if part.get_content_subtype() == "html":
        text = _plain(text)
    text = _GAPS.sub("\n\n", text.replace("\r\n", "\n").replace("\0", ""))
    return str(_parser.parse_reply(text[:_MAX_TEXT]) or "").strip()


def _plain(markup: str) -> str:
    shown = _UNSEEN.sub("", _QUOTES.sub("", markup[: 20 * _MAX_TEXT]))
    return html.unescape(strip_tags(_BREAKS.sub("\n", shown)))


def _files(mail: EmailMessage) -> Iterator[FileData]:
    for part in mail.iter_attachments():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            yield FileData(part.get_filename() or "file", content)
