"""Pages that every portal has; each portal mounts them under its own prefix."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from portico.portals.shared.http import StaffRequest


def notifications(request: StaffRequest) -> HttpResponse:
    return render(request, "shared/notifications.html")


def privacy(request: StaffRequest) -> HttpResponse:
    return render(request, "shared/privacy.html")
