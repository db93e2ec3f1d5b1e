"""What the operator tells the companies (NAV-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.notices.enums import Audience
from portico.notices.selectors import announcements, search_notices
from portico.notices.services.telling import announce, withdraw
from portico.portals.operator.frame import operator_only
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import Column, ListSpec, show_list

if TYPE_CHECKING:
    from portico.notices.models import Notice

ANNOUNCEMENTS: ListSpec[Notice] = ListSpec(
    name="announcements",
    columns=(
        Column(key="title", label=gettext_lazy("Title"), text=str, is_fixed=True),
        Column(
            key="audience",
            label=gettext_lazy("To"),
            text=lambda one: one.get_audience_display(),
        ),
        Column(
            key="at",
            label=gettext_lazy("Written"),
            text=lambda one: timezone.localtime(one.created_at).isoformat(),
        ),
        Column(
            key="state",
            label=gettext_lazy("State"),
            text=lambda one: _("withdrawn") if one.withdrawn_at else _("shown"),
        ),
    ),
)


class AnnouncementForm(forms.Form):
    audience = forms.ChoiceField(
        label=gettext_lazy("To"),
        choices=Audience.choices,
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=120,
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )
    text = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=2_000,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 6}),
    )
    by_mail = forms.BooleanField(
        label=gettext_lazy("Also by mail"),
        help_text=gettext_lazy(
            "To those who answer for a company and want notifications by mail."
        ),
        required=False,
    )


@operator_only
def announcement_list(request: StaffRequest) -> HttpResponse:
    asked = ANNOUNCEMENTS.ask(request)
    page = "operator/announcements.html"
    found = search_notices(announcements(), asked.text)
    return show_list(request, ANNOUNCEMENTS, asked, found, page=page)


@operator_only
def announcement_new(request: StaffRequest) -> HttpResponse:
    form = AnnouncementForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        announce(
            actor=request.user,
            audience=Audience(data["audience"]),
            title=data["title"],
            text=data["text"],
            by_mail=data["by_mail"],
            now=utcnow(),
        )
        messages.success(request, _("The announcement is shown now."))
        return redirect("operator:announcements")
    return render(request, "operator/announcement_new.html", {"form": form})


@operator_only
@require_POST
def announcement_withdraw(request: StaffRequest, announcement_id: int) -> HttpResponse:
    if not withdraw(actor=request.user, notice_id=announcement_id, now=utcnow()):
        raise NotVisible
    messages.success(request, _("The announcement is withdrawn."))
    return redirect("operator:announcements")
