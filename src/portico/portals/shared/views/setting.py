from __future__ import annotations

from allauth.account.internal.flows.reauthentication import (
    raise_if_reauthentication_required,
)
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from portico.accounts.enums import TimeFormat
from portico.accounts.errors import TooManyTries
from portico.accounts.services.email_address import switch_notification_push
from portico.accounts.services.policy import ProviderData, save_provider_information
from portico.accounts.services.profile import change_password, change_profile
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError
from portico.portals.shared.account_forms import PushForm
from portico.portals.shared.choices import zone_names
from portico.portals.shared.confirming import confirming
from portico.portals.shared.forms import AccountForm, PasswordForm, blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.views.welcome import provider_form
from portico.portals.shared.visits import renew_visit


def setting(request: StaffRequest) -> HttpResponse:
    user = request.user
    initial = {
        "name": user.name,
        "time_zone": user.time_zone,
        "time_format": user.time_format,
        "language": user.language,
    }
    form = AccountForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        change_profile(
            user=user,
            name=form.cleaned_data["name"],
            time_zone=form.cleaned_data["time_zone"],
            time_format=TimeFormat(form.cleaned_data["time_format"]),
            language=form.cleaned_data["language"],
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
            renew_visit(request, request.user)
            messages.success(
                request, _("Your password is changed. Other sessions are signed out.")
            )
            return redirect(request.portal.url("setting"))
    return render(request, "shared/password.html", {"form": form})


def notification(request: StaffRequest) -> HttpResponse:
    """The own email, which changes when the new one is confirmed, and the push switch."""
    user = request.user
    here = redirect(request.portal.url("notification"))
    push = PushForm(request.POST or None, initial={"push": user.notification_push})
    if request.POST.get("act") == "push" and push.is_valid():
        enabled = push.cleaned_data["push"]
        switch_notification_push(user=user, enabled=enabled, now=utcnow())
        messages.success(request, _("Saved."))
        return here
    if request.POST.get("act") == "send":
        # Whoever gets the mails can set the password.
        raise_if_reauthentication_required(request, app="allauth.mfa")
    step = confirming(request, user)
    if step.is_confirmed:
        messages.success(request, _("Your email is changed."))
    if step.is_confirmed or step.is_done:
        return here
    context = {"step": step, "push_form": push}
    return render(request, "shared/notification.html", context)


def provider(request: StaffRequest) -> HttpResponse:
    form = provider_form(request, request.user)
    if request.method == "POST" and form.is_valid():
        data = ProviderData(**form.cleaned_data)
        save_provider_information(user=request.user, data=data, now=utcnow())
        messages.success(request, _("Saved."))
        return redirect(request.portal.url("privacy"))
    return render(request, "shared/provider.html", {"form": form})
