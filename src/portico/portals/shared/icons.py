"""Icons, inlined so that they take the colour of the text around them."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

_NAME = re.compile(r"[a-z0-9-]+(?:/[a-z0-9-]+)?")
_HEAD = re.compile(r"<svg.*?>", re.DOTALL)
_BOX = re.compile(r'<path stroke="none" d="M0 0h24v24H0z" fill="none" ?/>')


@functools.cache
def icon_svg(name: str) -> SafeString:
    """The icon ``name`` of the installed set (``filled/<name>`` for the filled style).

    :raises LookupError: there is none; a page with a missing icon is a fault.
    """
    if not _NAME.fullmatch(name):
        raise LookupError(name)
    style, _, plain = name.rpartition("/")
    path = Path(settings.ICONS, style or "outline", f"{plain}.svg")
    try:
        source = path.read_text("utf-8")
    except OSError:
        raise LookupError(name) from None
    inner = _BOX.sub("", _HEAD.sub("", source, count=1)).replace("</svg>", "")
    paint = "fill='currentColor'" if style == "filled" else _OUTLINE
    shapes = " ".join(inner.split())
    return mark_safe(  # noqa: S308 -- a file of our own installation
        f"<svg class='icon' viewBox='0 0 24 24' width='20' height='20' {paint}"
        f" aria-hidden='true' focusable='false'>{shapes}</svg>"
    )


_OUTLINE = (
    "fill='none' stroke='currentColor' stroke-width='1.75'"
    " stroke-linecap='round' stroke-linejoin='round'"
)
