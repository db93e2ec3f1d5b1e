from __future__ import annotations

from portico.accounts.models.app_session import AppSession, PhoneCode
from portico.accounts.models.one_time_login import OneTimeLogin
from portico.accounts.models.policy import PolicyConsent, ServiceProviderInformation
from portico.accounts.models.portal_session import PortalSession, TrustedBrowser
from portico.accounts.models.proofs import EmailCode, PasswordLink
from portico.accounts.models.throttle import ThrottleWindow
from portico.accounts.models.user import User

__all__ = [
    "AppSession",
    "EmailCode",
    "OneTimeLogin",
    "PasswordLink",
    "PhoneCode",
    "PolicyConsent",
    "PortalSession",
    "ServiceProviderInformation",
    "ThrottleWindow",
    "TrustedBrowser",
    "User",
]
