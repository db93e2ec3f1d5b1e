"""Accounts that an installation begins with."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

from portico.accounts.errors import AccountTaken
from portico.accounts.links import page_url
from portico.accounts.models import User
from portico.accounts.services.one_time_logins import issue_one_time_login
from portico.accounts.services.password_links import issue_first_link
from portico.mail.services import checked_address
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.models import Organization
from portico.tenancy.selectors import operator
from portico.tenancy.services.organizations import add_member, create_organization


def ensure_member(
    *, organization: Organization, username: str, name: str, now: datetime
) -> User:
    """The account ``username``, made a member of ``organization`` if it is new."""
    user = User.objects.filter(username=username).first()
    if user is None:
        user = User.objects.create_user(username, name=name)
        add_member(
            actor=None, organization=organization, user=user, role=Role.OWNER, now=now
        )
    return user


@transaction.atomic
def ensure_operator(*, username: str, company: str, now: datetime) -> User | None:
    """The operator's owner; None if ``username`` is somebody else's account."""
    organization = operator() or create_organization(
        actor=None, kind=OrganizationKind.OPERATOR, name=company, parent=None, now=now
    )
    user = ensure_member(
        organization=organization, username=username, name=username, now=now
    )
    membership = getattr(user, "membership", None)
    if membership is None or membership.organization_id != organization.pk:
        return None
    return user


@transaction.atomic
def give_email(user: User, email: str, *, now: datetime) -> None:
    """Make ``email`` the confirmed one: whoever has this terminal is believed.

    :raises BadAddress: not one mail address.
    :raises AccountTaken: another account has it.
    """
    address = checked_address(email.strip().lower())
    if User.objects.filter(email=address).exclude(pk=user.pk).exists():
        raise AccountTaken
    user.email, user.email_confirmed_at = address, now
    user.save(update_fields=["email", "email_confirmed_at"])


def first_password_link(user: User, *, now: datetime) -> str:
    """A link that lets ``user`` set his password, once."""
    return page_url("password_set", issue_first_link(user=user, now=now))


def sign_in_link(user: User, *, now: datetime) -> str:
    """A link that signs ``user`` in once."""
    secret = issue_one_time_login(user=user, now=now)
    return f"{settings.ENVIRONMENT.public_url.rstrip('/')}/sign-in/once/{secret}/"
