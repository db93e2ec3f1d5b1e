"""After the password: a code by mail, an authenticator app, a passkey, a recovery code."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from allauth.account.models import Login
from allauth.core import ratelimit
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm, LoginWebAuthnForm
from allauth.mfa.webauthn.internal.auth import begin_authentication
from allauth.mfa.webauthn.internal.flows import perform_passwordless_login
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from portico.accounts.enums import CodePurpose
from portico.accounts.errors import CodeRefused, TooManyTries
from portico.accounts.selectors import factors_of
from portico.accounts.services.email_codes import (
    check_sign_in_code,
    next_code_at,
    order_sign_in_code,
)
from portico.kernel.clock import utcnow
from portico.portals.shared.account_forms import FactorCodeForm, SignInCodeForm
from portico.portals.shared.forms import blame
from portico.portals.shared.stages import (
    EmailCodeStage,
    FactorStage,
    current_stage,
    leave_stage,
)

if TYPE_CHECKING:
    from portico.accounts.models import User

# What the library raises for a credential that no browser has made, beside its own errors.
_ODD = (TypeError, ValueError, KeyError, AttributeError)


def masked(email: str) -> str:
    """``m•••@example.com``: enough to know which mailbox, too little to learn it."""
    name, _at, domain = email.partition("@")
    return f"{name[:1]}•••@{domain}"


def seconds_until(moment: datetime, now: datetime) -> int:
    """Whole seconds, rounded up; 0 when it has come."""
    return max(0, -int((now - moment).total_seconds() // 1))


def is_valid_credential(form: forms.BaseForm) -> bool:
    """Whether the browser's answer is one; garbage is as wrong as a wrong one."""
    try:
        return form.is_valid()
    except _ODD:
        form.add_error(None, _("This did not match. Try again."))
        return False


@require_http_methods(["GET", "POST"])
@never_cache
def email_code(request: HttpRequest) -> HttpResponse:
    stage = current_stage(request, EmailCodeStage.key)
    if stage is None:
        return redirect("account_login")
    user: User = stage.login.user
    form = SignInCodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            code = form.cleaned_data["code"]
            check_sign_in_code(user=user, code=code, now=utcnow())
        except CodeRefused as error:
            blame(form, error)
        else:
            return leave_stage(request, stage, trust=form.cleaned_data["trust"])
    now = utcnow()
    again = next_code_at(user=user, purpose=CodePurpose.SIGN_IN, now=now)
    context = {
        "form": form,
        "email": masked(user.email or ""),
        "wait": seconds_until(again, now),
    }
    return render(request, "shared/second_step/email_code.html", context)


@require_POST
@never_cache
def email_code_again(request: HttpRequest) -> HttpResponse:
    stage = current_stage(request, EmailCodeStage.key)
    if stage is None:
        return redirect("account_login")
    user, now = stage.login.user, utcnow()
    if next_code_at(user=user, purpose=CodePurpose.SIGN_IN, now=now) > now:
        messages.info(request, _("A code is on its way. Wait a minute for it."))
        return redirect("sign_in_code")
    try:
        order_sign_in_code(user=user, now=now)
    except TooManyTries:
        messages.error(request, _("Too many codes were sent. Try again in an hour."))
    else:
        messages.success(request, _("A new code was sent. Earlier ones do not work."))
    return redirect("sign_in_code")


@require_POST
@never_cache
def start_over(request: HttpRequest) -> HttpResponse:
    """Back to the password, as somebody else perhaps."""
    for key in (EmailCodeStage.key, FactorStage.key):
        stage = current_stage(request, key)
        if stage is not None:
            stage.abort()
    return redirect("account_login")


@require_http_methods(["GET", "POST"])
@never_cache
def factor(request: HttpRequest) -> HttpResponse:
    stage = current_stage(request, FactorStage.key)
    if stage is None:
        return redirect("account_login")
    user: User = stage.login.user
    factors = factors_of(user)
    if not factors.has_any:
        return stage.abort()  # type: ignore[no-any-return]  # allauth ships no types
    by_passkey = "credential" in request.POST
    form = FactorCodeForm(data=None if by_passkey else request.POST or None, user=user)
    passkey = AuthenticateWebAuthnForm(
        data=request.POST if by_passkey else None, user=user
    )
    posted: Any = passkey if by_passkey else form
    if request.method == "POST" and is_valid_credential(posted):
        posted.save()  # scope: allauth's own step
        trust = request.POST.get("trust") == "on"
        return leave_stage(request, stage, trust=trust)
    context = {
        "form": form,
        "factors": factors,
        "passkey_errors": passkey.errors if by_passkey else {},
        "options": begin_authentication(user) if factors.passkeys else None,
    }
    return render(request, "shared/second_step/factor.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
def passkey(request: HttpRequest) -> HttpResponse:
    """Sign in with a passkey alone: GET gives the challenge, POST takes the answer."""
    # Each answer counts like a try at the password.
    if not ratelimit.consume(request, action="login"):
        return render(request, "429.html", status=429)
    if request.method == "GET":
        return JsonResponse({"request_options": begin_authentication(None)})
    form = LoginWebAuthnForm(data=request.POST)
    if (
        not is_valid_credential(form)
        or not form.cleaned_data["credential"].user.is_active
    ):
        messages.error(request, _("This passkey is not known here."))
        return redirect("account_login")
    authenticator = form.cleaned_data["credential"]
    login = Login(user=authenticator.user)
    response: HttpResponse = perform_passwordless_login(request, authenticator, login)
    return response
