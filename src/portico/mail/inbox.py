"""A mailbox at an IMAP server, whose mails are handed over one by one."""

from __future__ import annotations

import imaplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import unquote, urlsplit

import structlog

log = structlog.get_logger(__name__)

# A server that says nothing for so long is asked again later.
_TIMEOUT_SECONDS = 20
# A round is over in seconds; what is left comes with the next.
_ROUND = 50
# Five attachments of ten megabytes, as mails carry them.
MAX_MAIL_BYTES = 70 * 1024 * 1024
_PORTS = {"imaps": 993, "imap": 143, "imap+plain": 143}


def fetch_mails(url: str, handle: Callable[[bytes], object]) -> int:
    """Give every unread mail to ``handle`` and mark it as read; how many there were.

    ``url`` is ``imaps://user:password@host[:port][/folder]``, ``imap://`` for STARTTLS,
    ``imap+plain://`` without encryption. A mail that ``handle`` fails on is flagged for a
    person to look at, and left.

    :raises OSError, imaplib.IMAP4.error: the server is away, or refuses.
    """
    with _opened(url) as server:
        _, found = server.uid("search", "UNSEEN UNFLAGGED")
        ids = found[0].split()[:_ROUND] if found and found[0] else []
        for uid in ids:
            mark = "\\Seen" if _hand_over(server, uid.decode(), handle) else "\\Flagged"
            server.uid("store", uid.decode(), "+FLAGS", f"({mark})")
        return len(ids)


def _hand_over(
    server: imaplib.IMAP4, uid: str, handle: Callable[[bytes], object]
) -> bool:
    size = _size(server, uid)
    if size > MAX_MAIL_BYTES:
        log.warning("mail_too_large", size=size)
        return False
    _, parts = server.uid("fetch", uid, "(BODY.PEEK[])")
    raw = next((part[1] for part in parts if isinstance(part, tuple)), b"")
    try:
        handle(raw)
    except Exception:
        log.exception("mail_not_understood")
        return False
    return True


def _size(server: imaplib.IMAP4, uid: str) -> int:
    _, parts = server.uid("fetch", uid, "(RFC822.SIZE)")
    line = parts[0] if parts and isinstance(parts[0], bytes) else b""
    number = line.rpartition(b"RFC822.SIZE ")[2].split(b")")[0].split(b" ")[0]
    return int(number) if number.isdigit() else 0


@contextmanager
def _opened(url: str) -> Iterator[imaplib.IMAP4]:
    parts = urlsplit(url)
    host, port = parts.hostname or "localhost", parts.port or _PORTS[parts.scheme]
    server: imaplib.IMAP4
    if parts.scheme == "imaps":
        server = imaplib.IMAP4_SSL(host, port, timeout=_TIMEOUT_SECONDS)
    else:
        server = imaplib.IMAP4(host, port, timeout=_TIMEOUT_SECONDS)
    try:
        if parts.scheme == "imap":
            server.starttls()
        server.login(unquote(parts.username or ""), unquote(parts.password or ""))
        state, _ = server.select(parts.path.strip("/") or "INBOX")
        if state != "OK":
            raise imaplib.IMAP4.error(f"no folder {parts.path!r}")
        yield server
    finally:
        with suppress(OSError, imaplib.IMAP4.error):
            server.logout()
