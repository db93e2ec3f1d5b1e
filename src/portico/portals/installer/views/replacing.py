"""Another unit in a device's place (DEV-7)."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portico.houses.services.replacing import replace_unit
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError
from portico.portals.installer.forms.device import mac_field
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.device_page import device_context
from portico.portals.shared.forms import StyledForm, blame
from portico.portals.shared.http import StaffRequest

_KEEP, _LEAVE = "keep", "leave"


class ReplaceForm(StyledForm):
    """Which unit comes, and whose the log is."""

    mac = mac_field()
    log = forms.ChoiceField(
        label=gettext_lazy("What has happened?"),
        choices=[
            (
                _KEEP,
                gettext_lazy("The unit was replaced. Everything moves, also its log."),
            ),
            (
                _LEAVE,
                gettext_lazy(
                    "It is another door's unit, or the MAC was wrong. The log stays with"
                    " the old MAC."
                ),
            ),
        ],
        widget=forms.RadioSelect,
    )
    confirmed = forms.BooleanField(
        label=gettext_lazy("The unit of before is cut off at once. Go on.")
    )


@installer_only
def device_replace(request: StaffRequest, mac: str) -> HttpResponse:
    context = device_context(request, mac, "")
    form = ReplaceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            changed = replace_unit(
                actor=request.user,
                device=context["device"],
                mac=data["mac"],
                keeps_log=data["log"] == _KEEP,
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            text = _("%(name)s is the unit %(mac)s now. Give it its new address.")
            known = {"name": changed.name, "mac": changed.pretty_mac}
            messages.success(request, text % known)
            return redirect("installer:device_file", changed.mac)
    context["form"] = form
    return render(request, "installer/devices/replace.html", context)
