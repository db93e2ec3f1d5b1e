"""The demo's post office: every message becomes a file that a person can open."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

_counter = itertools.count(1)


def _write(folder: Path, suffix: str, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{time.time_ns()}-{os.getpid()}-{next(_counter)}"
    part = folder / f".{name}.part"
    part.write_bytes(content)
    part.rename(folder / f"{name}{suffix}")  # readers never see half a message


class FolderEmailBackend(BaseEmailBackend):
    """Writes ``<data>/outbox/mail/*.eml``."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.ENVIRONMENT.data, "outbox", "mail")
        for message in email_messages:
            _write(folder, ".eml", message.message().as_bytes())
        return len(email_messages)


def folder_sms(*, recipient: str, text: str, message_id: int) -> None:
    """Write ``<data>/outbox/sms/*.txt``: the number, a blank line, the text."""
    folder = Path(settings.ENVIRONMENT.data, "outbox", "sms")
    content: Any = f"To: {recipient}\nMessage: {message_id}\n\n{text}\n"
    _write(folder, ".txt", content.encode())
