"""Which files are taken, and the address that a reply by mail goes to."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from portico.support.errors import BadAttachment

MAX_FILES = 5
MAX_BYTES = 10 * 1024 * 1024
# A manual has pictures.
MAX_MANUAL_BYTES = 50 * 1024 * 1024
# How files of each kind begin; a text file begins with anything but is no binary.
_STARTS: dict[str, tuple[bytes, ...]] = {
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".jpg": (b"\xff\xd8\xff",),
    ".jpeg": (b"\xff\xd8\xff",),
    ".gif": (b"GIF87a", b"GIF89a"),
    ".webp": (b"RIFF",),
    ".pdf": (b"%PDF-",),
    ".zip": (b"PK\x03\x04", b"PK\x05\x06"),
    ".txt": (b"",),
    ".log": (b"",),
}
_TEXT = (".txt", ".log")
ACCEPTED = ",".join(_STARTS)
_TOKEN = re.compile(r"\+(\d{1,18})-(\d{1,18})-([a-z2-7]{16})@")
_SALT = "portico.support.reply"


@dataclass(frozen=True, slots=True)
class FileData:
    """A file as it came: its name at the sender, and what is in it."""

    name: str
    content: bytes

    @property
    def plain_name(self) -> str:
        """The name without folders and control characters."""
        bare = PurePath(self.name.replace("\\", "/")).name
        shown = "".join(c for c in bare if c.isprintable()).strip() or "file"
        stem, suffix = PurePath(shown).stem, PurePath(shown).suffix
        return f"{stem[: 120 - len(suffix)]}{suffix}" if len(shown) > 120 else shown


def check_files(files: Sequence[FileData]) -> None:
    """Refuse what is not taken. :raises BadAttachment: says which and why."""
    if len(files) > MAX_FILES:
        raise BadAttachment(
            _("At most %(n)d files go with a message.") % {"n": MAX_FILES}
        )
    for file in files:
        problem = file_problem(file)
        if problem:
            raise BadAttachment(problem)


def file_problem(
    file: FileData, *, only: Sequence[str] = (), most: int = MAX_BYTES
) -> str:
    """Why ``file`` is not taken; empty: it is."""
    named = {"name": file.plain_name, "mb": most // (1024 * 1024)}
    suffix = PurePath(file.plain_name).suffix.lower()
    if len(file.content) > most:
        return _("%(name)s is larger than %(mb)d MB.") % named
    if suffix not in (only or _STARTS):
        return _("%(name)s is of a kind that is not taken.") % named
    is_such = file.content.startswith(_STARTS[suffix])
    if not is_such or (suffix in _TEXT and b"\0" in file.content):
        return _("%(name)s is not what its name says.") % named
    return ""


def notice_key(message_id: int) -> str:
    """Under which the other side is told of a message."""
    return f"ticket:{message_id}"


def reply_address(mailbox: str, ticket_id: int, user_id: int) -> str:
    """Where a reply of that person in that ticket goes: ``support+<token>@…``.

    The token is in lower case: some servers write local parts anew.
    """
    local, _at, domain = mailbox.rpartition("@")
    return f"{local}+{ticket_id}-{user_id}-{_mac(ticket_id, user_id)}@{domain}"


def read_address(address: str) -> tuple[int, int] | None:
    """Ticket and person of a genuine :func:`reply_address`, else None."""
    found = _TOKEN.search(address.lower())
    if found is None:
        return None
    ticket_id, user_id = int(found[1]), int(found[2])
    is_ours = hmac.compare_digest(found[3], _mac(ticket_id, user_id))
    return (ticket_id, user_id) if is_ours else None


def _mac(ticket_id: int, user_id: int) -> str:
    """80 bits in 16 letters: a local part has room for 64."""
    value = f"{ticket_id}:{user_id}"
    digest = salted_hmac(_SALT, value, algorithm="sha256").digest()
    return base64.b32encode(digest[:10]).decode().lower()
