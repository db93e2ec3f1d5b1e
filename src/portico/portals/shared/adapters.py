from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast

import segno
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portico.accounts.enums import SecurityChange
from portico.accounts.selectors import user_by_email
from portico.accounts.services.second_factors import note_security_change
from portico.kernel.clock import utcnow
from portico.kernel.crypto import seal, unseal
from portico.portals.shared.visits import begin_visit

if TYPE_CHECKING:
    from portico.accounts.models import User

_WRONG = _("User name, email or password is wrong.")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # no types shipped
    """Nobody signs up alone, and a refusal never says what exactly was wrong."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": _WRONG,
        "email_password_mismatch": _WRONG,
        "too_many_login_attempts": _(
            "Too many failed attempts. Wait five minutes, then try again."
        ),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by those above them."""
        del request
        return False

    def authenticate(
        self, request: HttpRequest, **credentials: Any
    ) -> AbstractBaseUser | None:
        """Whom the credentials belong to; a disabled account is like an unknown one."""
        user: AbstractBaseUser | None = super().authenticate(request, **credentials)
        if user is None or user.is_active:
            return user
        # The right password of a disabled account counts as a failure too.
        self.pre_authenticate(request, **credentials)
        return None

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a try against the account: its user name and email share one limit."""
        login = str(credentials.get("email") or credentials.get("username") or "")
        user = user_by_email(login)
        super().pre_authenticate(request, username=(user and user.username) or login)

    def get_login_stages(self) -> list[str]:
        """What comes between the password and the portal; each decides for itself."""
        stages = "portico.portals.shared.stages"
        return [f"{stages}.EmailCodeStage", f"{stages}.FactorStage"]

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Sign ``user`` in, and put the browser on the list of his sessions."""
        super().login(request, user)
        begin_visit(request, cast("User", user))

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Let our own pages say what happened to a factor."""
        if not (message_template or "").startswith("mfa/"):
            super().add_message(request, level, message_template, *args, **kwargs)

    def get_reauthentication_methods(
        self, user: AbstractBaseUser
    ) -> list[dict[str, str]]:
        """One page offers all that the account has."""
        del user
        portal = getattr(context.request, "portal", None)
        return [{"id": "all", "url": portal.url("reauthenticate")}] if portal else []

    def send_notification_mail(
        self, template_prefix: str, user: AbstractBaseUser, *args: Any, **kwargs: Any
    ) -> None:
        """Tell the owner by our own mail, and the audit log."""
        del args, kwargs
        change = SecurityChange(template_prefix.rpartition("/")[2])
        note_security_change(user=cast("User", user), change=change, now=utcnow())


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # no types shipped
    """Secrets are sealed in the database; names and pictures are ours."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("This did not match. Try again."),
    }

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        return str(user)

    def build_totp_svg(self, url: str) -> str:
        """The picture that an authenticator app reads, black on white in any theme."""
        picture = io.BytesIO()
        segno.make(url, error="m").save(  # scope: a picture
            picture, kind="svg", border=4, light="#fff", dark="#000", omitsize=True
        )
        return picture.getvalue().decode()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        host: str = context.request.get_host().partition(":")[0]
        return {"id": host, "name": "Portico"}

    def generate_authenticator_name(self, user: AbstractBaseUser, type: str) -> str:  # noqa: A002 -- allauth's name
        del user, type
        return str(_("Passkey"))
