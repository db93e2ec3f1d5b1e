"""Entering an address and the code that was sent to it: at the gate and in the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from portico.accounts.enums import CodePurpose
from portico.accounts.errors import TooManyTries
from portico.accounts.services.email_address import (
    confirm_by_code,
    order_confirmation,
    pending_address,
)
from portico.accounts.services.email_codes import next_code_at
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError
from portico.portals.shared.account_forms import CodeForm, EmailForm
from portico.portals.shared.forms import blame

if TYPE_CHECKING:
    from datetime import datetime

    from portico.accounts.models import User


@dataclass(slots=True)
class Step:
    """Where somebody is: the two forms, and what has just happened."""

    address_form: EmailForm
    code_form: CodeForm
    # The address that a code was sent to; empty: none waits.
    waiting: str = ""
    # Seconds until another code may be sent.
    wait: int = 0
    is_confirmed: bool = False
    # Something was ordered: show the page anew.
    is_done: bool = False


def confirming(request: HttpRequest, user: User) -> Step:
    """Do what the page's forms ask for: ``act`` is ``send``, ``again`` or ``confirm``."""
    now, act = utcnow(), request.POST.get("act", "")
    waiting = pending_address(user=user, now=now)
    typed = request.POST if act == "send" else None
    code = request.POST if act == "confirm" else None
    step = Step(
        EmailForm(typed, initial={"email": user.email}), CodeForm(code), waiting
    )
    if act == "again" and waiting:
        _send_again(request, user, waiting, now)
        step.is_done = True
    elif act == "confirm" and not waiting:
        messages.error(request, _("This code no longer works. Send a new one."))
        step.is_done = True
    elif act == "send" and step.address_form.is_valid():
        _send(step, user, now)
    elif act == "confirm" and step.code_form.is_valid():
        _confirm(step, user, now)
    elif request.method == "GET" and request.GET.get("other"):
        step.waiting = ""
    again = next_code_at(user=user, purpose=CodePurpose.CONFIRM, now=now)
    step.wait = max(0, round((again - now).total_seconds()))
    return step


def _send(step: Step, user: User, now: datetime) -> None:
    try:
        email = step.address_form.cleaned_data["email"]
        order_confirmation(user=user, email=email, now=now)
    except TooManyTries:
        step.address_form.add_error(None, _too_many())
    except DomainError as error:
        blame(step.address_form, error)
    else:
        step.is_done = True


def _send_again(request: HttpRequest, user: User, waiting: str, now: datetime) -> None:
    if next_code_at(user=user, purpose=CodePurpose.CONFIRM, now=now) > now:
        messages.info(request, _("A code is on its way. Wait a minute for it."))
        return
    try:
        order_confirmation(user=user, email=waiting, now=now)
    except TooManyTries:
        messages.error(request, _too_many())
    else:
        messages.success(request, _("A new code was sent. Earlier ones do not work."))


def _too_many() -> str:
    return _("Too many codes were sent. Try again in an hour.")


def _confirm(step: Step, user: User, now: datetime) -> None:
    try:
        confirm_by_code(user=user, code=step.code_form.cleaned_data["code"], now=now)
    except DomainError as error:
        blame(step.code_form, error)
    else:
        step.is_confirmed = True
