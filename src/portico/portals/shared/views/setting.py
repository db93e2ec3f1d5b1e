from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from portico.accounts.enums import TimeFormat
from portico.accounts.errors import TooManyTries
from portico.accounts.services.profile import change_password, change_profile
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError
from portico.portals.shared.choices import zone_names
from portico.portals.shared.forms import AccountForm, PasswordForm, blame
from portico.portals.shared.http import StaffRequest


def setting(request: StaffRequest) -> HttpResponse:
    user = request.user
    initial = {
        "name": user.name,
        "time_zone": user.time_zone,
        "time_format": user.time_format,
    }
    form = AccountForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        change_profile(
            user=user,
            name=form.cleaned_data["name"],
            time_zone=form.cleaned_data["time_zone"],
            time_format=TimeFormat(form.cleaned_data["time_format"]),
            now=utcnow(),
        )
        messages.success(request, _("Saved."))
        return redirect(request.portal.url("setting"))
    context = {"form": form, "zones": zone_names()}
    return render(request, "shared/setting.html", context)


def password(request: StaffRequest) -> HttpResponse:
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            change_password(
                user=request.user,
                current=data["current"],
                new=data["password"],
                now=utcnow(),
            )
        except TooManyTries:
            form.add_error(None, _("Too many tries. Wait five minutes."))
        except DomainError as error:
            blame(form, error)
        else:
            update_session_auth_hash(request, request.user)
            messages.success(
                request, _("Your password is changed. Other sessions are signed out.")
            )
            return redirect(request.portal.url("setting"))
    return render(request, "shared/password.html", {"form": form})
