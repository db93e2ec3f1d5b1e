"""The form of a third-party camera (DEV-5)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portico.devices.services.cameras import CameraData
from portico.portals.installer.forms.monitoring import (
    MonitoringForm,
    initial_monitoring,
)
from portico.portals.shared.forms import VersionField
from portico.protocols.rtsp import (
    MAX_ACCOUNT,
    MAX_ADDRESS,
    BadRtspAddress,
    read_rtsp_address,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portico.devices.models import Camera, Device

_QUIET = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class AddressInput(forms.TextInput):
    """Never shows the credentials of an address, also not of one that is refused."""

    def format_value(self, value: Any) -> str:
        """What stands in the page."""
        text = str(value or "")
        try:
            return read_rtsp_address(text).public
        except BadRtspAddress:
            # Whatever is before the last @ may be a part of a password.
            before, sign, rest = text.rpartition("@")
            scheme, slashes, _account = before.partition("//")
            return f"{scheme}{slashes}{rest}" if slashes or not sign else rest


class CameraForm(MonitoringForm):
    """A camera of a house; without ``camera`` it is the New form."""

    owner = forms.CharField(label=_("Owner"), disabled=True, required=False)
    name = forms.CharField(
        label=_("Device Name"),
        max_length=63,
        help_text=_("What the residents call it, for example Garden."),
    )
    address = forms.CharField(
        label=_("RTSP Address"),
        # Longer ones are refused with the domain's words.
        max_length=4 * MAX_ADDRESS,
        strip=False,
        help_text=_(
            "From the camera’s manual, for example"  # noqa: RUF001 -- typography
            " rtsp://192.168.1.64:554/stream1. Without a port it is 554. User name and"
            " password in it are moved to the fields below."
        ),
        widget=AddressInput(attrs={"inputmode": "url", **_QUIET}),
    )
    user = forms.CharField(
        label=_("User Name"),
        max_length=MAX_ACCOUNT,
        required=False,
        strip=False,
        widget=forms.TextInput(attrs=_QUIET),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=MAX_ACCOUNT,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    forget_password = forms.BooleanField(label=_("Remove the password"), required=False)
    linked = forms.TypedMultipleChoiceField(
        label=_("Link Device"),
        coerce=int,
        required=False,
        help_text=_(
            "A linked camera is reached from the door phone’s view and has no icon of"  # noqa: RUF001
            " its own in the app. Both must be in the same local network."
        ),
        widget=forms.CheckboxSelectMultiple,
    )
    version = VersionField()

    def __init__(
        self,
        *args: Any,
        owner: str,
        doors: Iterable[Device],
        camera: Camera | None = None,
        **kwargs: Any,
    ) -> None:
        initial = {"owner": owner} | (_initial(camera) if camera else {})
        super().__init__(*args, initial=initial, **kwargs)
        linked = self.fields["linked"]
        linked.choices = [(door.pk, door.name) for door in doors]  # type: ignore[attr-defined]  # a choice field's
        if not linked.choices:  # type: ignore[attr-defined]
            del self.fields["linked"]
        if camera is None or not camera.password:
            del self.fields["forget_password"]
        else:
            self.fields["password"].help_text = _(
                "One is saved and never shown. Left empty, it stays."
            )

    def camera_data(self) -> CameraData:
        """The cleaned form as the services take it."""
        data = self.cleaned_data
        return CameraData(
            name=data["name"],
            address=data["address"],
            user=data["user"],
            password=data["password"],
            forget_password=data.get("forget_password", False),
            **self.watched_on(),
            linked=data.get("linked", []),
        )

    def ask_password_again(self) -> None:
        """Call before a refused form is drawn: the page holds no password.

        A user name in the address stands in its field from then on.
        """
        address, user = self.data.get("address", ""), ""
        with suppress(BadRtspAddress):
            user = read_rtsp_address(address).user
        if user and not self.data.get("user"):
            # Lists stay lists: it is a QueryDict.
            drawn = QueryDict(mutable=True)
            drawn.update(self.data)
            drawn["user"] = user
            self.data = drawn
        is_lost = "@" in address or self.data.get("password")
        if is_lost and "password" not in self.errors:
            self.add_error(
                "password", _("Enter the password again: pages do not hold it.")
            )


def _initial(camera: Camera) -> dict[str, Any]:
    return {
        "name": camera.name,
        "address": camera.public_address,
        "user": camera.user,
        **initial_monitoring(camera),
        "linked": [device.pk for device in camera.linked.all()],
        "version": camera.version,
    }
