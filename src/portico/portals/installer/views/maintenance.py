"""Maintenance from afar: restart, reset, transmission type (REM-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from portico.devices.enums import MAINTENANCE, RESETS, CommandKind, SipTransport
from portico.devices.selectors import latest_orders
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.device_page import device_context
from portico.portals.shared.forms import StyledForm, TypedNameForm
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import plain
from portico.provisioning.rules import BY_FILE
from portico.provisioning.selectors import items_at, sip_transports
from portico.provisioning.services.maintenance import (
    QueuedLines,
    maintain,
    set_transport,
)

if TYPE_CHECKING:
    from portico.devices.models import Device

# The newest orders to the unit that its tab shows.
_SHOWN = 6


class TransportForm(StyledForm):
    """How the unit talks to the SIP server."""

    transport = forms.ChoiceField(
        label=gettext_lazy("Transmission type"),
        choices=SipTransport.choices,
        help_text=gettext_lazy("Of calls. The unit gets it with its next file."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        spoken = sip_transports()
        field = self.fields["transport"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 -- declared so
        field.choices = [(str(one), one.label) for one in spoken]
        if len(spoken) == 1:
            field.help_text = _("The SIP server of this installation speaks no other.")


def maintenance_context(device: Device, *, is_bridged: bool) -> dict[str, Any]:
    """What the Remote tab shows of maintenance."""
    transport = {"transport": device.sip_transport}
    return {
        "transport_form": TransportForm(initial=transport),
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


@require_POST
@installer_only
def device_transport(request: StaffRequest, mac: str) -> HttpResponse:
    device = device_context(request, mac, "remote")["device"]
    form = TransportForm(request.POST)
    if not form.is_valid():
        text = _("The SIP server of this installation does not speak this.")
        messages.error(request, text)
        return redirect("installer:device_remote", mac)
    chosen = SipTransport(form.cleaned_data["transport"])
    set_transport(actor=request.user, device=device, transport=chosen, now=utcnow())
    messages.success(
        request, _("Saved. The device gets it with its next configuration.")
    )
    return redirect("installer:device_remote", mac)


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
