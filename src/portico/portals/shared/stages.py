"""What comes between the password and the portal; until then nobody is signed in."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from allauth.account.stages import LoginStage, LoginStageController
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.webauthn.internal.flows import did_use_passwordless_login
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from portico.accounts.errors import TooManyTries
from portico.accounts.rules import needs_email_code
from portico.accounts.selectors import has_factor
from portico.accounts.services.email_codes import order_sign_in_code
from portico.accounts.services.portal_sessions import (
    TRUST_LIFETIME,
    is_trusted,
    trust_browser,
)
from portico.kernel.clock import utcnow
from portico.portals.shared.visits import agent_of

if TYPE_CHECKING:
    from portico.accounts.models import User


class EmailCodeStage(LoginStage):  # type: ignore[misc]  # allauth ships no types
    """A code by mail, for accounts that need one and have no stronger factor."""

    key = "portico_email_code"
    urlname = "sign_in_code"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        """Mail the code and ask for it, unless there is a reason not to."""
        user: User = self.login.user
        if (
            not needs_email_code(user)
            or has_factor(user)
            or did_use_passwordless_login(self.request, user)
            or _trusts(self.request, user)
        ):
            return None, True
        # The page says so, and the code that was sent last still works.
        with suppress(TooManyTries):
            order_sign_in_code(user=user, now=utcnow())
        return redirect("sign_in_code"), True


class FactorStage(AuthenticateStage):  # type: ignore[misc]  # allauth ships no types
    """Authenticator app, passkey or recovery code, for accounts that have chosen them."""

    def handle(self) -> tuple[HttpResponse | None, bool]:
        """Ask for one, unless this browser is trusted."""
        if _trusts(self.request, self.login.user):
            return None, True
        answer: tuple[HttpResponse | None, bool] = super().handle()
        return answer


def current_stage(request: HttpRequest, key: str) -> Any:
    """The stage ``key``, if the person in this browser is at it; else None."""
    if request.user.is_authenticated:
        return None
    stage = LoginStageController.enter(request, key)
    # Since the password was right the account may have been disabled or deleted.
    user: User | None = stage.login.user if stage else None
    return stage if user is not None and user.is_active else None


def leave_stage(request: HttpRequest, stage: Any, *, trust: bool) -> HttpResponse:
    """Go on with signing in; with ``trust`` this browser skips the stage next time."""
    user: User = stage.login.user
    response: HttpResponse = stage.exit()
    if trust:
        secret = trust_browser(user=user, agent=agent_of(request), now=utcnow())
        response.set_cookie(
            _cookie(user),
            secret,
            max_age=TRUST_LIFETIME,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


def _trusts(request: HttpRequest, user: User) -> bool:
    secret = request.COOKIES.get(_cookie(user), "")
    return is_trusted(user=user, secret=secret, now=utcnow())


def _cookie(user: User) -> str:
    # One per account: several people may share a browser.
    return f"portico_trusted_{user.pk}"
