"""Who may watch what a device or camera sees: the same two fields in both forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portico.portals.shared.forms import StyledForm

if TYPE_CHECKING:
    from portico.devices.models import Camera, Device

YES_NO = [("yes", _("Yes")), ("no", _("No"))]
_TERMINALS = [("app", _("App")), ("monitors", _("Indoor monitors"))]


class MonitoringForm(StyledForm):
    """Allow users to monitor this device, and where."""

    can_monitor = forms.ChoiceField(
        label=_("Allow users to monitor this device"),
        choices=YES_NO,
        initial="yes",
        required=False,
        widget=forms.RadioSelect,
    )
    terminals = forms.MultipleChoiceField(
        label=_("Monitoring Terminal"),
        choices=_TERMINALS,
        initial=["app", "monitors"],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def watched_on(self) -> dict[str, bool]:
        """What was chosen, as the services name it; only after ``is_valid``."""
        data = self.cleaned_data
        chosen = data["terminals"] if data["can_monitor"] != "no" else []
        return {
            "monitor_in_app": "app" in chosen,
            "monitor_on_monitors": "monitors" in chosen,
        }


def initial_monitoring(seen: Camera | Device) -> dict[str, Any]:
    """What the two fields of something that there is begin with."""
    on = {"app": seen.monitor_in_app, "monitors": seen.monitor_on_monitors}
    terminals = [name for name, is_on in on.items() if is_on]
    return {
        "can_monitor": "yes" if terminals else "no",
        "terminals": terminals or ["app", "monitors"],
    }
