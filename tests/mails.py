"""The mailboxes of a test: what was delivered, and the codes and links in it."""

from __future__ import annotations

import io
import re
from urllib.parse import urlsplit

from django.core import mail
from django.core.mail import EmailMessage
from PIL import Image
from zxingcpp import read_barcodes

from tests.factories import run_jobs

_CODE = re.compile(r"^\s+([0-9]{6})$", re.MULTILINE)
_LINK = re.compile(r"^https?://\S+$", re.MULTILINE)


def mails_to(address: str | None) -> list[EmailMessage]:
    """All mails to ``address``, after the jobs that wait have run."""
    run_jobs()
    return [message for message in mail.outbox if message.to == [address]]


def last_mail(address: str | None) -> EmailMessage:
    """The newest mail to ``address``."""
    found = mails_to(address)
    assert found, f"no mail to {address}"
    return found[-1]


def code_in(message: EmailMessage) -> str:
    """The six digits of a mail."""
    found = _CODE.search(str(message.body))
    assert found, message.body
    return found[1]


def path_in(message: EmailMessage) -> str:
    """The path of the link of a mail."""
    found = _LINK.search(str(message.body))
    assert found, message.body
    return urlsplit(found[0]).path


def wrong(code: str) -> str:
    """Another code."""
    return "000000" if code != "000000" else "111111"


def scanned(message: EmailMessage) -> str:
    """What a phone reads in the picture of a mail."""
    parts = message.message().walk()
    (picture,) = [part for part in parts if part.get_content_type() == "image/png"]
    body = picture.get_payload(decode=True)
    assert isinstance(body, bytes)
    (code,) = read_barcodes(Image.open(io.BytesIO(body)))
    return str(code.text)
