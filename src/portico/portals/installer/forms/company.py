"""What an installer sets up for his company (SET-1, SET-4 to SET-6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portico.portals.shared.forms import StyledForm
from portico.tenancy.enums import OfflineAfter

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from portico.tenancy.models import CompanySettings


class SettingsForm(StyledForm):
    """Fields that are named like those of the company's settings."""

    @classmethod
    def starting_from(
        cls, data: QueryDict | None, saved: CompanySettings
    ) -> SettingsForm:
        """The form as posted, or with what is saved."""
        initial = {name: getattr(saved, name) for name in cls.base_fields}
        return cls(data, initial=initial)


class BillingForm(SettingsForm):
    """Billing Information: the guide's six fields."""

    billing_company = forms.CharField(
        label=_("Company/Family"), max_length=127, required=False
    )
    billing_attention = forms.CharField(
        label=_("ATTN"),
        max_length=127,
        required=False,
        help_text=_("Whose attention the invoice is for."),
    )
    billing_address = forms.CharField(
        label=_("Address"),
        max_length=255,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    billing_phone = forms.CharField(
        label=_("TEL"),
        max_length=31,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "tel"}),
    )
    billing_fax = forms.CharField(
        label=_("Fax"),
        max_length=31,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "tel"}),
    )
    billing_email = forms.EmailField(label=_("Email"), required=False)


# Ten years are more than any rule asks for; a mistyped number is no day at all.
_MOST_DAYS = 3650


def _days(label: StrOrPromise, help_text: StrOrPromise = "") -> forms.IntegerField:
    """For how long something is kept."""
    return forms.IntegerField(
        label=label, min_value=1, max_value=_MOST_DAYS, help_text=help_text
    )


class LogForm(SettingsForm):
    """Log Setting."""

    log_unanswered_calls = forms.BooleanField(
        label=_("Log calls that open no door"),
        required=False,
        help_text=_(
            "A visitor's call is kept in the door log even if nobody opens for him."
            " A change holds for calls from now on."
        ),
    )
    keep_door_days = _days(
        _("Days to keep door openings and refusals"),
        _("Older lines are deleted for good, within the hour. The audit log is kept."),
    )
    keep_call_days = _days(_("Days to keep calls"))
    keep_alarm_days = _days(_("Days to keep alarms"))
    keep_motion_days = _days(_("Days to keep motion"))
    keep_capture_days = _days(
        _("Days to keep pictures"),
        _("Pictures of visits and those that somebody ordered, with their files."),
    )


class MailsForm(SettingsForm):
    """Single-Family Email Setting."""

    mail_expiry = forms.BooleanField(
        label=_("Account expiration"),
        required=False,
        help_text=_("Residents get a mail before their service ends."),
    )
    mail_renewal = forms.BooleanField(
        label=_("Service renewal"),
        required=False,
        help_text=_("Residents get a mail when their service was renewed."),
    )


class DashboardForm(SettingsForm):
    """Dashboard Setting."""

    offline_hours = forms.TypedChoiceField(
        label=_("Devices offline for longer than"),
        choices=OfflineAfter.choices,
        coerce=int,
        help_text=_("From then on the dashboard tells of a device that is offline."),
    )


class ServiceForm(SettingsForm):
    """Customer Service."""

    service_phone = forms.CharField(
        label=_("Phone"),
        max_length=31,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "tel"}),
    )
    service_email = forms.EmailField(label=_("Email"), required=False)
    receive_feedback = forms.BooleanField(
        label=_("Receive Feedback"),
        required=False,
        help_text=_("Residents' feedback is mailed to this email and kept."),
    )

    def clean(self) -> dict[str, object]:
        """Feedback needs somewhere to go."""
        data: dict[str, object] = super().clean() or {}
        needs_email = data.get("receive_feedback") and not self.has_error(
            "service_email"
        )
        if needs_email and not data.get("service_email"):
            self.add_error("service_email", _("Enter the email that feedback goes to."))
        return data
