"""The forms about an account: codes, passwords, addresses, factors."""

from __future__ import annotations

import re
from typing import Any

from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.utils.translation import gettext_lazy as _

from portico.portals.shared.choices import country_choices
from portico.portals.shared.forms import StyledForm, dress

_SIX = re.compile(r"[0-9]{6}")
_BETWEEN = re.compile(r"[\s-]+")
CODE_ATTRIBUTES = {
    "inputmode": "numeric",
    "autocomplete": "one-time-code",
    "autocapitalize": "none",
    "spellcheck": "false",
    "data-code": "",
}
_NEW = {"autocomplete": "new-password"}
PASSWORD_HELP = _("At least 10 characters, not a common word and not your name.")


class CodeField(forms.CharField):
    """Six digits, however they were pasted."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Code"))
        super().__init__(max_length=20, **kwargs)
        self.widget.attrs |= CODE_ATTRIBUTES

    def clean(self, value: Any) -> str:
        """The digits alone.

        :raises forms.ValidationError: not six of them.
        """
        text = _BETWEEN.sub("", str(super().clean(value)))
        if not _SIX.fullmatch(text):
            raise forms.ValidationError(_("The code has six digits."))
        return text


class CodeForm(StyledForm):
    """A code that came by mail."""

    code = CodeField()


class SignInCodeForm(CodeForm):
    """The code of the second step, and whether to ask for it next time."""

    code = CodeField(widget=forms.TextInput(attrs={"autofocus": True}))
    trust = forms.BooleanField(
        label=_("Trust this browser for 30 days"),
        required=False,
        help_text=_("Only on a device that nobody else uses."),
    )


class EmailForm(StyledForm):
    """One mail address."""

    email = forms.EmailField(
        label=_("Email"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class ForgotForm(StyledForm):
    """By what staff is known."""

    name = forms.CharField(
        label=_("User name or email"),
        max_length=254,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )


class ForgotPhoneForm(StyledForm):
    """The mobile number that a code is sent to."""

    country = forms.ChoiceField(label=_("Country"), choices=country_choices)
    phone = forms.CharField(
        label=_("Mobile number"),
        max_length=31,
        widget=forms.TelInput(attrs={"autocomplete": "tel"}),
    )


class NewPasswordForm(StyledForm):
    """A new password, twice."""

    password = forms.CharField(
        label=_("New password"),
        widget=forms.PasswordInput(attrs=_NEW),
        help_text=PASSWORD_HELP,
        max_length=1_000,
    )
    repeated = forms.CharField(
        label=_("New password again"),
        widget=forms.PasswordInput(attrs=_NEW),
        max_length=1_000,
    )

    def clean(self) -> dict[str, Any]:
        """Both are the same."""
        data: dict[str, Any] = super().clean() or {}
        new, again = data.get("password"), data.get("repeated")
        if new and again and new != again:
            self.add_error("repeated", _("The two new passwords differ."))
        return data


class PhoneResetForm(NewPasswordForm):
    """The code that came by SMS, and the new password."""

    code = CodeField(help_text=_("Six digits, sent to your mobile number."))
    field_order = ["code", "password", "repeated"]


class ProviderForm(StyledForm):
    """Service Provider Information; all of it may stay empty."""

    company = forms.CharField(label=_("Company"), max_length=127, required=False)
    address = forms.CharField(label=_("Address"), max_length=255, required=False)
    phone = forms.CharField(
        label=_("Phone"), max_length=31, required=False, widget=forms.TelInput
    )
    email = forms.EmailField(label=_("Email"), max_length=254, required=False)
    website = forms.URLField(
        label=_("Website"), required=False, assume_scheme="https", max_length=200
    )


class PushForm(StyledForm):
    """Whether notifications are mailed."""

    push = forms.BooleanField(
        label=_("Notification push"),
        required=False,
        help_text=_("Send what stands in the Notification Center by mail, too."),
    )


class CurrentPasswordForm(StyledForm):
    """The password, from somebody who is signed in already."""

    password = forms.CharField(
        label=_("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class _FactorForm(forms.Form):
    """Gives allauth's forms our look."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        if "code" in self.fields:
            self.fields["code"].label = _("Code")
            self.fields["code"].widget.attrs = dict(CODE_ATTRIBUTES)
        if "name" in self.fields:
            self.fields["name"].label = _("Name")
            self.fields["name"].help_text = _("So that you know it again.")
            self.fields["name"].widget.attrs = {"maxlength": "63"}
        if "passwordless" in self.fields:
            self.fields["passwordless"].label = _("Sign in with this passkey alone")
            self.fields["passwordless"].help_text = _(
                "Without user name and password. The device asks for your finger,"
                " face or PIN."
            )
        dress(self)


class FactorCodeForm(_FactorForm, AuthenticateForm):  # type: ignore[misc]  # no types
    """A code of the authenticator app, or a recovery code, at sign-in."""

    trust = SignInCodeForm.base_fields["trust"]


class FreshCodeForm(_FactorForm, ReauthenticateForm):  # type: ignore[misc]  # no types
    """The same from somebody who is signed in already."""


class TotpForm(_FactorForm, ActivateTOTPForm):  # type: ignore[misc]  # no types
    """The first code of a new authenticator app."""


class PasskeyForm(_FactorForm, AddWebAuthnForm):  # type: ignore[misc]  # no types
    """A new passkey, with what the browser's dialog gave."""


class PasskeyNameForm(_FactorForm, EditWebAuthnForm):  # type: ignore[misc]  # no types
    """What a passkey is called."""
