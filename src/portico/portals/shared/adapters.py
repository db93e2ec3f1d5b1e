from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

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
