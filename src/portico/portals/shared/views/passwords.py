"""Forgotten passwords of staff and residents, and the first password of a new account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portico.accounts.enums import Audience
from portico.accounts.errors import LinkSpent
from portico.accounts.services.app_sessions import order_phone_code
from portico.accounts.services.password_links import (
    password_link,
    request_reset,
    set_password_by_link,
    set_password_by_phone_code,
)
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError
from portico.mail.ports import sms_transport
from portico.portals.shared.account_forms import (
    EmailForm,
    ForgotForm,
    ForgotPhoneForm,
    NewPasswordForm,
    PhoneResetForm,
)
from portico.portals.shared.forms import blame
from portico.sites.errors import BadPhone
from portico.sites.services.registration import normalize_phone
from portico.sites.services.residents import mark_registered

if TYPE_CHECKING:
    from portico.accounts.models import PasswordLink

# The number that a code was ordered for, between the two pages.
_PHONE = "reset_phone"


@require_http_methods(["GET", "POST"])
@never_cache
def forgot(request: HttpRequest) -> HttpResponse:
    form = ForgotForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        request_reset(name=name, audience=Audience.STAFF, now=utcnow())
        return render(request, "shared/passwords/sent.html", {"for_staff": True})
    return render(request, "shared/passwords/forgot.html", {"form": form})


@require_http_methods(["GET", "POST"])
@never_cache
def forgot_resident(request: HttpRequest) -> HttpResponse:
    form = EmailForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["email"]
        request_reset(name=name, audience=Audience.RESIDENT, now=utcnow())
        return render(request, "shared/passwords/sent.html")
    context = {"form": form, "has_sms": sms_transport() is not None}
    return render(request, "shared/passwords/forgot_resident.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
def forgot_phone(request: HttpRequest) -> HttpResponse:
    if sms_transport() is None:
        return redirect("forgot_resident")
    form = ForgotPhoneForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            phone = normalize_phone(data["phone"], data["country"])
        except BadPhone as error:
            blame(form, error, {"": "phone"})
        else:
            order_phone_code(phone=phone, now=utcnow(), for_password=True)
            request.session[_PHONE] = phone
            return redirect("password_by_phone")
    return render(request, "shared/passwords/forgot_phone.html", {"form": form})


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@never_cache
def by_phone(request: HttpRequest) -> HttpResponse:
    phone = request.session.get(_PHONE)
    if not phone:
        return redirect("forgot_phone")
    form = PhoneResetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            user = set_password_by_phone_code(
                phone=phone,
                code=data["code"],
                password=data["password"],
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            del request.session[_PHONE]
            mark_registered(user=user, now=utcnow())
            return render(request, "shared/passwords/done.html")
    context = {"form": form, "phone": f"•••{phone[-3:]}"}
    return render(request, "shared/passwords/by_phone.html", context)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@never_cache
def set_password(request: HttpRequest, secret: str) -> HttpResponse:
    try:
        link = password_link(secret=secret, now=utcnow())
        form = NewPasswordForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            password = form.cleaned_data["password"]
            if _is_set(secret, password, form):
                return _done(request, link)
    except LinkSpent as error:
        return render(request, "shared/passwords/spent.html", status=error.status)
    context = {"form": form, "account": link.user}
    return render(request, "shared/passwords/set.html", context)


def _is_set(secret: str, password: str, form: NewPasswordForm) -> bool:
    """:raises LinkSpent: somebody else was quicker."""
    try:
        set_password_by_link(secret=secret, password=password, now=utcnow())
    except LinkSpent:
        raise
    except DomainError as error:
        blame(form, error)
        return False
    return True


def _done(request: HttpRequest, link: PasswordLink) -> HttpResponse:
    if link.audience == Audience.RESIDENT:
        mark_registered(user=link.user, now=utcnow())
        return render(request, "shared/passwords/done.html")
    messages.success(request, _("Your password is set. Sign in with it."))
    return redirect("account_login")
