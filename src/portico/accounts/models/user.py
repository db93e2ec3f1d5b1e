from __future__ import annotations

import zoneinfo
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from portico.accounts.enums import DateFormat, TimeFormat


class UserManager(BaseUserManager["User"]):
    """Creates accounts; what else belongs to one is the services' business."""

    def create_user(self, username: str | None, **fields: Any) -> User:
        password = fields.pop("password", None)
        email = fields.pop("email", None)
        user = self.model(
            username=username,
            email=self.normalize_email(email).lower() if email else None,
            **fields,
        )
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username=username)


class User(AbstractBaseUser):
    """One person who can sign in: staff by user name, residents by email or phone.

    Emails are kept in lower case and numbers in E.164, so that uniqueness is exact.
    """

    username = models.CharField(_("user name"), max_length=63, unique=True, null=True)
    email = models.EmailField(_("email"), unique=True, null=True)
    phone = models.CharField(_("mobile number"), max_length=16, unique=True, null=True)
    name = models.CharField(_("name"), max_length=127, blank=True)
    is_active = models.BooleanField(default=True)
    # Argon2 of md5(md5(password)): what clients of the app API send; empty until the
    # password is set through a service.
    app_digest = models.CharField(max_length=128, blank=True)
    time_zone = models.CharField(max_length=63, default="UTC")
    language = models.CharField(max_length=7, default="en")
    time_format = models.CharField(
        max_length=3, choices=TimeFormat.choices, default=TimeFormat.HOURS_24
    )
    date_format = models.CharField(
        max_length=3, choices=DateFormat.choices, default=DateFormat.YMD
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # Null: nobody has proved yet that he reads mails to ``email``.
    email_confirmed_at = models.DateTimeField(null=True)
    # The version of the privacy policy that was agreed to last.
    policy_version = models.CharField(max_length=31, blank=True)
    # A code by email at sign-in: ordered by those above, or by the account itself.
    email_code_required = models.BooleanField(default=False)
    email_code_chosen = models.BooleanField(default=False)
    # Whether notifications are also sent by mail.
    notification_push = models.BooleanField(default=True)
    # Part of what every session is checked against: counting it up ends them all.
    session_epoch = models.PositiveIntegerField(default=0)
    # Counted up with every change of the person's data, so that of two who edit at once
    # the second is told.
    version = models.PositiveIntegerField(default=1)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")),
                name="accounts_email_lower_case",
            ),
            models.UniqueConstraint(
                Lower("username"), name="accounts_user_name_in_any_case"
            ),
        ]

    def __str__(self) -> str:
        return self.username or self.name or self.email or self.phone or str(self.pk)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What the sessions of the pages are checked against (Django's hook)."""
        return salted_hmac(
            "portico.accounts.session",
            f"{self.password}:{self.session_epoch}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)
