from __future__ import annotations

from django.conf import settings
from django.urls import reverse


def page_url(name: str, *args: object) -> str:
    """The absolute address of a page, as it stands in a mail."""
    base: str = settings.ENVIRONMENT.public_url
    return f"{base.rstrip('/')}{reverse(name, args=args)}"
