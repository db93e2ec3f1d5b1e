"""Setting > Two-factor: code by mail, authenticator app, passkeys, recovery codes."""

from __future__ import annotations

import base64
from typing import Any

from allauth.account.internal.flows.reauthentication import (
    raise_if_reauthentication_required,
    reauthenticate_by_password,
    resume_request,
)
from allauth.mfa.adapter import get_adapter
from allauth.mfa.recovery_codes.internal.flows import (
    can_generate_recovery_codes,
    generate_recovery_codes,
    view_recovery_codes,
)
from allauth.mfa.totp.internal.flows import activate_totp, deactivate_totp
from allauth.mfa.webauthn.forms import ReauthenticateWebAuthnForm
from allauth.mfa.webauthn.internal.auth import begin_authentication
from allauth.mfa.webauthn.internal.flows import (
    add_authenticator,
    begin_registration,
    remove_authenticator,
)
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from portico.accounts.errors import TooManyTries
from portico.accounts.selectors import factors_of, passkey_of, trusted_browsers
from portico.accounts.services.portal_sessions import distrust_browser
from portico.accounts.services.profile import confirm_password
from portico.accounts.services.second_factors import choose_email_code
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.portals.shared.account_forms import (
    CurrentPasswordForm,
    FreshCodeForm,
    PasskeyForm,
    PasskeyNameForm,
    TotpForm,
)
from portico.portals.shared.forms import blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.views.second_step import is_valid_credential


def _ask_again(request: StaffRequest) -> None:
    """Who changes a factor has shown within five minutes that it is still he.

    :raises ReauthenticationRequired: he has not; allauth's middleware sends him to
        :func:`reauthenticate` and afterwards back.
    """
    raise_if_reauthentication_required(request, app="allauth.mfa")


def _back(request: StaffRequest, to: str = "security") -> HttpResponse:
    return redirect(request.portal.url(to))


@never_cache
def security(request: StaffRequest) -> HttpResponse:
    user = request.user
    context = {
        "factors": factors_of(user),
        "browsers": trusted_browsers(user, now=utcnow()),
    }
    return render(request, "shared/security/overview.html", context)


@require_POST
def email_code(request: StaffRequest) -> HttpResponse:
    _ask_again(request)
    chosen = request.POST.get("chosen") == "yes"
    choose_email_code(user=request.user, chosen=chosen, now=utcnow())
    on, off = _("The code by email is on."), _("The code by email is off.")
    messages.success(request, on if chosen else off)
    return _back(request)


@sensitive_post_parameters()
@never_cache
def reauthenticate(request: StaffRequest) -> HttpResponse:
    """Show once more who it is, by whatever the account has."""
    user, posted = request.user, request.POST
    password = CurrentPasswordForm(posted if "password" in posted else None)
    code = FreshCodeForm(data=posted if "code" in posted else None, user=user)
    passkey = ReauthenticateWebAuthnForm(
        data=posted if "credential" in posted else None, user=user
    )
    if _is_he(request, password, code, passkey):
        answer: HttpResponse | None = resume_request(request)
        return answer or _back(request)
    factors = factors_of(user)
    context = {
        "password_form": password if user.has_usable_password() else None,
        "code_form": code if factors.totp or factors.recovery_codes_left else None,
        "factors": factors,
        "passkey_errors": passkey.errors if passkey.is_bound else {},
        "options": begin_authentication(user) if factors.passkeys else None,
    }
    return render(request, "shared/security/reauthenticate.html", context)


def _is_he(
    request: StaffRequest, password: CurrentPasswordForm, code: Any, passkey: Any
) -> bool:
    for form in (code, passkey):
        if form.is_bound and is_valid_credential(form):
            form.save()  # scope: allauth's own step
            return True
    if not password.is_bound or not password.is_valid():
        return False
    try:
        typed = password.cleaned_data["password"]
        confirm_password(user=request.user, current=typed, now=utcnow())
    except TooManyTries:
        password.add_error(None, _("Too many tries. Wait five minutes."))
        return False
    except DomainError as error:
        blame(password, error, {"current": "password"})
        return False
    reauthenticate_by_password(request)
    return True


@never_cache
def totp_add(request: StaffRequest) -> HttpResponse:
    _ask_again(request)
    if factors_of(request.user).totp is not None:
        return _back(request)
    form = TotpForm(data=request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        _totp, codes = activate_totp(request, form)
        messages.success(request, _("The authenticator app is set up."))
        return _back(request, "recovery_codes" if codes else "security")
    adapter = get_adapter()
    url = adapter.build_totp_url(request.user, form.secret)
    picture = base64.b64encode(adapter.build_totp_svg(url).encode()).decode()
    context = {
        "form": form,
        "secret": form.secret,
        "picture": f"data:image/svg+xml;base64,{picture}",
    }
    return render(request, "shared/security/totp_add.html", context)


@never_cache
def totp_remove(request: StaffRequest) -> HttpResponse:
    _ask_again(request)
    totp = factors_of(request.user).totp
    if totp is None:
        return _back(request)
    if request.method == "POST":
        deactivate_totp(request, totp)
        messages.success(request, _("The authenticator app is removed."))
        return _back(request)
    return render(request, "shared/security/totp_remove.html")


@never_cache
def passkey_add(request: StaffRequest) -> HttpResponse:
    _ask_again(request)
    form = PasskeyForm(data=request.POST or None, user=request.user)
    if request.method == "POST" and is_valid_credential(form):
        name, credential = form.cleaned_data["name"], form.cleaned_data["credential"]
        _passkey, codes = add_authenticator(request, name[:63], credential)
        messages.success(request, _("The passkey is added."))
        return _back(request, "recovery_codes" if codes else "security")
    options = begin_registration(request, request.user, passwordless=False)
    context = {"form": form, "options": options}
    return render(request, "shared/security/passkey_add.html", context)


@never_cache
def passkey_edit(request: StaffRequest, passkey_id: int) -> HttpResponse:
    passkey = passkey_of(request.user, passkey_id)
    _ask_again(request)
    form = PasskeyNameForm(data=request.POST or None, instance=passkey)
    if request.method == "POST" and form.is_valid():
        form.save()  # scope: allauth's form, of the own passkey
        messages.success(request, _("Saved."))
        return _back(request)
    context = {"form": form, "passkey": passkey}
    return render(request, "shared/security/passkey_edit.html", context)


@never_cache
def passkey_remove(request: StaffRequest, passkey_id: int) -> HttpResponse:
    passkey = passkey_of(request.user, passkey_id)
    _ask_again(request)
    if request.method == "POST":
        remove_authenticator(request, passkey)
        messages.success(request, _("The passkey is removed."))
        return _back(request)
    context = {"passkey": passkey}
    return render(request, "shared/security/passkey_remove.html", context)


@never_cache
def recovery_codes(request: StaffRequest) -> HttpResponse:
    """GET shows them, which works once; POST makes new ones."""
    _ask_again(request)
    if not can_generate_recovery_codes(request.user):
        raise NotVisible
    if request.method == "POST":
        generate_recovery_codes(request)
        return _back(request, "recovery_codes")
    codes, can_see = view_recovery_codes(request)
    context = {
        "codes": codes.get_unused_codes() if codes and can_see else [],
        "left": factors_of(request.user).recovery_codes_left,
    }
    return render(request, "shared/security/recovery_codes.html", context)


@require_POST
def browser_distrust(request: StaffRequest, browser_id: int) -> HttpResponse:
    distrust_browser(user=request.user, browser_id=browser_id, now=utcnow())
    messages.success(request, _("That browser is asked for the second step again."))
    return _back(request)
