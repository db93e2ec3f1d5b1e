"""Answers with a code on them: kept by no history and no cache."""

from __future__ import annotations

from django.http import HttpResponse

from portico.kernel.qr import qr_png


def not_kept(answer: HttpResponse) -> HttpResponse:
    """``answer``, which holds a code, for nobody's cache."""
    answer["Cache-Control"] = "private, no-store"
    return answer


def qr_picture(code: str) -> HttpResponse:
    """``code`` as a QR picture that nobody keeps."""
    return not_kept(HttpResponse(qr_png(code), content_type="image/png"))
