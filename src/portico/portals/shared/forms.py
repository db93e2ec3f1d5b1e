"""What all forms share: the house's classes, and the domain's errors at their fields."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from typing import Any

from allauth.account.forms import LoginForm
from django import forms
from django.utils.translation import gettext_lazy as _

from portico.accounts.enums import TimeFormat
from portico.kernel.errors import DomainError
from portico.portals.shared.choices import MAIL_LANGUAGES, zone_names

_CLASSES: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.CheckboxSelectMultiple, "group"),
    (forms.RadioSelect, "group"),
    (forms.CheckboxInput, "tick"),
    (forms.Select, "form-select"),
    (forms.Widget, "form-control"),
)


class StyledForm(forms.Form):
    """A form whose controls carry the classes of the component kit."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        dress(self)


def dress(form: forms.BaseForm) -> None:
    """Give the controls of ``form`` their classes."""
    for field in form.fields.values():
        widget = field.widget
        css = next(css for kind, css in _CLASSES if isinstance(widget, kind))
        widget.attrs["class"] = css


def blame(
    form: forms.BaseForm, error: DomainError, names: Mapping[str, str] | None = None
) -> None:
    """Put a domain error at the field it belongs to, or above the form."""
    field = (names or {}).get(error.field, error.field)
    form.add_error(field if field in form.fields else None, str(error))


class ZoneField(forms.CharField):
    """A time zone, typed with suggestions; the page lists them as ``zones``."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Time Zone"))
        kwargs.setdefault("max_length", 63)
        super().__init__(**kwargs)
        self.widget.attrs |= {"list": "zones", "autocomplete": "off"}

    def clean(self, value: Any) -> str:
        """The zone's exact name.

        :raises forms.ValidationError: there is no such zone.
        """
        text = str(super().clean(value)).strip().replace(" ", "_")
        if not text or text in zoneinfo.available_timezones():
            return text
        matches = [name for name in zone_names() if name.lower() == text.lower()]
        if not matches:
            raise forms.ValidationError(
                _("Choose a time zone from the list, for example Europe/Berlin.")
            )
        return matches[0]


class VersionField(forms.IntegerField):
    """The version of the record that a form shows, hidden; 0, which no record has, is none."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(required=False, min_value=1, max_value=2**31 - 2)

    def clean(self, value: Any) -> int:
        try:
            return super().clean(value) or 0
        except forms.ValidationError:
            return 0


class SignInForm(LoginForm):  # type: ignore[misc]  # allauth ships no types
    """User name or email, and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.fields["login"].label = _("User name or email")
        self.fields["password"].label = _("Password")
        self.fields["password"].help_text = ""
        self.fields["remember"].label = _("Keep me signed in")
        self.fields["login"].widget.attrs = {
            "autocomplete": "username",
            "autocapitalize": "none",
            "spellcheck": "false",
            "autofocus": True,
        }
        self.fields["password"].widget.attrs = {"autocomplete": "current-password"}
        dress(self)

    def user_credentials(self) -> dict[str, str]:
        """The login once, as either: a known email must not take a second look longer."""
        data = self.cleaned_data
        return {"username": data["login"], "password": data["password"]}


class AccountForm(StyledForm):
    """What a person may change about himself."""

    name = forms.CharField(label=_("Name"), max_length=127)
    time_zone = ZoneField(
        help_text=_("All times in this portal are shown in this zone.")
    )
    time_format = forms.ChoiceField(label=_("Time Format"), choices=TimeFormat.choices)
    language = forms.ChoiceField(
        label=_("Language"),
        choices=MAIL_LANGUAGES,
        help_text=_("Of the mails you get. The pages are in English."),
    )


class PasswordForm(StyledForm):
    """The current password, and the new one twice."""

    current = forms.CharField(
        label=_("Current password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    password = forms.CharField(
        label=_("New password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 10 characters, not a common word and not your name."),
    )
    repeated = forms.CharField(
        label=_("New password again"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Both new passwords are the same."""
        data: dict[str, Any] = super().clean() or {}
        new, again = data.get("password"), data.get("repeated")
        if new and again and new != again:
            self.add_error("repeated", _("The two new passwords differ."))
        return data


class TypedNameForm(StyledForm):
    """Asks to type the name of what is about to be lost."""

    typed = forms.CharField(max_length=127, strip=True)

    def __init__(self, *args: Any, wanted: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wanted = wanted
        self.fields["typed"].label = _("Type the name to confirm: %(name)s") % {
            "name": wanted
        }
        self.fields["typed"].widget.attrs["autocomplete"] = "off"

    def clean_typed(self) -> str:
        """The name, exactly.

        :raises forms.ValidationError: it differs.
        """
        typed: str = self.cleaned_data["typed"]
        if typed != self._wanted.strip():
            raise forms.ValidationError(_("This is not the name. Nothing was deleted."))
        return typed
