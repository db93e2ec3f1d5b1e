"""Face photos: what a person uploads made into one plain JPEG. No database access."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass, field
from typing import Final

from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from portico.access.errors import BadCredential

MAX_UPLOAD_BYTES: Final = 5 * 1024 * 1024
MIN_SIDE: Final = 250
MAX_SIDE: Final = 8000
# The whole picture is in memory once, at three or four bytes each; phones take 12 to 48.
_MAX_PIXELS: Final = 50_000_000
# Enough for any recognition, and a unit fetches it over a slow LAN.
_LONGEST_SIDE: Final = 800
_PREVIEW_SIDE: Final = 160
_QUALITY: Final = 88
_FORMATS: Final = ("JPEG", "PNG")
# Sixteen-bit greys would be cut off to white.
_ODD_MODES: Final = ("I", "F")
# What Pillow raises while it decodes something broken.
_BROKEN: Final = (
    OSError,
    SyntaxError,
    ValueError,
    KeyError,
    IndexError,
    EOFError,
    struct.error,
    zlib.error,
)
_BOMB: Final = (Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class Photo:
    """A JPEG that :func:`read_photo` has made: nothing but pixels."""

    jpeg: bytes = field(repr=False)


def read_photo(raw: bytes) -> Photo:
    """Make ``raw`` upright, at most 800 pixels a side, without anything beside pixels.

    :raises BadCredential: too large, too small, no picture, broken, or animated.
    """
    if not raw:
        raise _refused(_("Choose a photo."))
    if len(raw) > MAX_UPLOAD_BYTES:
        raise _refused(_("The photo is larger than 5 MB."))
    try:
        with Image.open(io.BytesIO(raw), formats=_FORMATS) as image:
            _check(image)
            return Photo(_scaled(image, _LONGEST_SIDE))
    except UnidentifiedImageError:
        raise _refused(_("This is no JPEG or PNG picture.")) from None
    except _BOMB:
        raise _refused(_too_many()) from None
    except _BROKEN:
        raise _refused(_("The picture is broken. Choose another.")) from None


def preview(photo: Photo) -> bytes:
    """A small JPEG of ``photo``, to tell whose it is."""
    with Image.open(io.BytesIO(photo.jpeg), formats=_FORMATS) as image:
        return _scaled(image, _PREVIEW_SIDE)


def _check(image: Image.Image) -> None:
    """Before a single pixel is decoded."""
    # Phones store several views in one JPEG; the first is the photo.
    if image.format == "PNG" and getattr(image, "is_animated", False):
        raise _refused(_("The picture is animated. Choose a photo."))
    width, height = image.size
    if min(width, height) < MIN_SIDE:
        least = {"side": MIN_SIDE}
        text = _("The photo is too small: at least %(side)d pixels a side.")
        raise _refused(text % least)
    if max(width, height) > MAX_SIDE or width * height > _MAX_PIXELS:
        raise _refused(_too_many())
    if image.mode.startswith(_ODD_MODES):
        raise _refused(
            _("The colours of this picture cannot be read. Save it as JPEG.")
        )


def _scaled(image: Image.Image, side: int) -> bytes:
    image.draft("RGB", (side, side))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    upright = ImageOps.exif_transpose(image).convert("RGBA")
    # A new picture: what the old one says of itself stays behind.
    plain = Image.new("RGB", upright.size, "white")
    plain.paste(upright, mask=upright)
    made = io.BytesIO()
    plain.save(made, format="JPEG", quality=_QUALITY)  # scope: a picture, not a row
    return made.getvalue()


def _too_many() -> str:
    return _(
        "The photo has too many pixels: at most %(side)d a side, 50 million in all."
    ) % {"side": MAX_SIDE}


def _refused(text: str) -> BadCredential:
    return BadCredential(text, field="photo")
