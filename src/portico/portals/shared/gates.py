"""What an account must do before it may use the portals, and where it does that."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.views.decorators.cache import never_cache

from portico.accounts.enums import Gate
from portico.accounts.gates import pending_gate
from portico.tenancy.selectors import membership_of

if TYPE_CHECKING:
    from portico.accounts.models import User
    from portico.tenancy.models import Membership

P = ParamSpec("P")
_PAGES = {Gate.PRIVACY: "welcome_privacy", Gate.EMAIL: "welcome_email"}
_WANTED = "wanted_page"


class ArrivingRequest(HttpRequest):
    """A request of somebody of the staff who may stand before a gate."""

    user: User
    membership: Membership


ArrivingView = Callable[Concatenate[ArrivingRequest, P], HttpResponse]


def gate_page(user: User) -> str:
    """The address of what ``user`` must do next; empty: he may go on."""
    gate = pending_gate(user)
    return reverse(_PAGES[gate]) if gate else ""


def remember_wanted(request: HttpRequest) -> None:
    """Note the page that was asked for; it is shown when all gates are passed."""
    if request.method == "GET":
        request.session[_WANTED] = request.get_full_path()


def go_on(request: ArrivingRequest) -> HttpResponse:
    """To the next gate, to the page that was asked for, or home."""
    page = gate_page(request.user)
    return redirect(page or request.session.pop(_WANTED, "home"))


def arriving(
    view: ArrivingView[P],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Let staff who are signed in reach a gate; nobody else has one."""

    @never_cache
    @functools.wraps(view)
    def guarded(
        request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponse:
        user = request.user
        if not user.is_authenticated:
            return redirect_to_login(
                request.get_full_path(), resolve_url("account_login")
            )
        membership = membership_of(user)
        if membership is None:
            return redirect("home")
        arriving_request = cast("ArrivingRequest", request)
        arriving_request.membership = membership
        return view(arriving_request, *args, **kwargs)

    return guarded
