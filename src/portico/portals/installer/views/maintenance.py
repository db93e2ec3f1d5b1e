"""Maintenance from afar: restart and reset (REM-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.devices.enums import MAINTENANCE, RESETS, CommandKind
from portico.devices.selectors import latest_orders
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.device_page import device_context
from portico.portals.shared.forms import TypedNameForm
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import plain
from portico.provisioning.rules import BY_FILE
from portico.provisioning.selectors import items_at
from portico.provisioning.services.maintenance import QueuedLines, maintain

if TYPE_CHECKING:
    from portico.devices.models import Device

# The newest orders to the unit that its tab shows.
_SHOWN = 6


def maintenance_context(device: Device, *, is_bridged: bool) -> dict[str, Any]:
    """What the Remote tab shows of maintenance."""
    return {
        "maintenance": latest_orders(device, MAINTENANCE)[:_SHOWN],
        "sent_lines": items_at(device)[:_SHOWN] if not is_bridged else [],
        "can_reset_configuration": is_bridged
        or CommandKind.RESET_CONFIGURATION in BY_FILE,
    }


@require_POST
@installer_only
def device_reboot(request: StaffRequest, mac: str) -> HttpResponse:
    return _ordered(request, mac, CommandKind.REBOOT)


@installer_only
def device_reset(request: StaffRequest, mac: str, kind: str) -> HttpResponse:
    """Asks first: what is lost stands on the page, and the unit's name is typed."""
    if kind not in RESETS:
        raise NotVisible
    context = device_context(request, mac, "remote")
    device = context["device"]
    form = TypedNameForm(request.POST or None, wanted=device.name)
    if request.method == "POST" and form.is_valid():
        return _ordered(request, mac, CommandKind(kind))
    context |= {"form": form, "kind": kind, "label": CommandKind(kind).label}
    return render(request, "installer/device/reset.html", context)


def _ordered(request: StaffRequest, mac: str, kind: CommandKind) -> HttpResponse:
    device = device_context(request, mac, "remote")["device"]
    key = plain(request.POST.get("key", ""), 63)
    try:
        made = maintain(
            actor=request.user, device=device, kind=kind, key=key, now=utcnow()
        )
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("installer:device_remote", mac)
    if isinstance(made, QueuedLines):
        messages.success(
            request,
            _("Queued. The device does it when it has fetched its next configuration."),
        )
    elif request.htmx:
        return render(request, "installer/device/_order.html", {"command": made})
    return redirect("installer:device_remote", mac)
