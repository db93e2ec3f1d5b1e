"""QR codes as pictures."""

from __future__ import annotations

import io

import segno


def qr_png(text: str) -> bytes:
    """``text`` as a QR code that a camera reads from a screen."""
    picture, code = io.BytesIO(), segno.make_qr(text)
    code.save(picture, kind="png", scale=8)
    return picture.getvalue()
