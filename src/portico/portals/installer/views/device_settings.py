"""What is set of a device: the Settings tab, with the transmission type (DEV-9, REM-1)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portico.devices.enums import SipTransport
from portico.kernel.clock import utcnow
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.device_page import device_context
from portico.portals.shared.forms import StyledForm
from portico.portals.shared.http import StaffRequest
from portico.provisioning.selectors import sip_transports
from portico.provisioning.services.maintenance import set_transport


class TransportForm(StyledForm):
    """How the unit talks to the SIP server."""

    transport = forms.ChoiceField(
        label=gettext_lazy("Transmission type"),
        choices=SipTransport.choices,
        help_text=gettext_lazy("Of calls. The unit gets it with its next file."),
        error_messages={
            "invalid_choice": gettext_lazy(
                "The SIP server of this installation does not speak this."
            )
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        spoken = sip_transports()
        field = self.fields["transport"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 -- declared so
        field.choices = [(str(one), one.label) for one in spoken]
        if len(spoken) == 1:
            field.help_text = _("The SIP server of this installation speaks no other.")


@installer_only
def device_settings(request: StaffRequest, mac: str) -> HttpResponse:
    context = device_context(request, mac, "settings")
    device = context["device"]
    initial = {"transport": device.sip_transport}
    form = TransportForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        chosen = SipTransport(form.cleaned_data["transport"])
        set_transport(actor=request.user, device=device, transport=chosen, now=utcnow())
        messages.success(
            request, _("Saved. The device gets it with its next configuration.")
        )
        return redirect("installer:device_settings", mac)
    context["transport_form"] = form
    return render(request, "installer/device/settings.html", context)
