from __future__ import annotations

from typing import TYPE_CHECKING, cast

from allauth.account.views import LoginView
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portico.accounts.errors import LinkSpent
from portico.accounts.services.one_time_logins import redeem_one_time_login
from portico.accounts.services.portal_sessions import forget_session
from portico.kernel.clock import utcnow
from portico.portals.shared.forms import SignInForm
from portico.portals.shared.gates import gate_page
from portico.portals.shared.visits import begin_visit
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.selectors import membership_of

if TYPE_CHECKING:
    from portico.accounts.models import User

_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
_PORTALS = {
    OrganizationKind.OPERATOR: "operator:dashboard",
    OrganizationKind.DISTRIBUTOR: "distributor:dashboard",
    OrganizationKind.SUB_DISTRIBUTOR: "distributor:dashboard",
    OrganizationKind.INSTALLER: "installer:dashboard",
}


class SignInView(LoginView):  # type: ignore[misc]  # allauth ships no types
    """The sign-in page of all staff; allauth counts, limits and signs in."""

    form_class = SignInForm
    template_name = "shared/sign_in.html"


sign_in = SignInView.as_view()


@require_http_methods(["GET", "POST"])
@never_cache
def sign_in_once(request: HttpRequest, secret: str) -> HttpResponse:
    # Only a POST spends the link: mail scanners and previews follow links with GET.
    if request.method == "GET":
        return render(request, "shared/sign_in_once.html")
    try:
        user = redeem_one_time_login(secret=secret, now=utcnow())
    except LinkSpent as error:
        return render(request, "shared/link_spent.html", status=error.status)
    login(request, user, backend=_BACKEND)
    begin_visit(request, user)
    return redirect("home")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    forget_session(session_key=request.session.session_key or "")
    logout(request)
    return redirect("account_login")


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    user = cast("User", request.user)
    membership = membership_of(user)
    if membership is None:
        return render(request, "shared/no_portal.html")
    page = gate_page(user)
    if page:
        return redirect(page)
    if membership.role == Role.MANAGER:
        return redirect("manager:dashboard")
    return redirect(_PORTALS[OrganizationKind(membership.organization.kind)])
