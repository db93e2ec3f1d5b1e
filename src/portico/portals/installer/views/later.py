"""Modules that a later version brings; each page says what it will hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from portico.portals.installer.frame import installer_only, owner_only
from portico.portals.shared.http import StaffRequest

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    Guard = Callable[
        [Callable[[StaffRequest], HttpResponse]], Callable[..., HttpResponse]
    ]


def _later(
    title: StrOrPromise, icon: str, text: StrOrPromise, only: Guard = installer_only
) -> Callable[[HttpRequest], HttpResponse]:
    @only
    def page(request: StaffRequest) -> HttpResponse:
        context = {"title": title, "icon": icon, "text": text}
        return render(request, "shared/later.html", context)

    return page


subscriptions = _later(
    _("Subscriptions"),
    "credit-card",
    _(
        "Services of your houses will be activated and renewed here. Until then what"
        " costs nothing runs at once, and the operator grants the rest."
    ),
    owner_only,
)
payments = _later(
    _("Payments"),
    "receipt",
    _("Orders with their state and their invoices will be listed here."),
    owner_only,
)
automatic_payments = _later(
    _("Automatic Payments"),
    "repeat",
    _("Agreements to renew by themselves will be listed here, with the next charge."),
    owner_only,
)
