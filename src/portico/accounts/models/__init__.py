from __future__ import annotations

from portico.accounts.models.app_session import AppSession, PhoneCode
from portico.accounts.models.one_time_login import OneTimeLogin
from portico.accounts.models.throttle import ThrottleWindow
from portico.accounts.models.user import User

__all__ = ["AppSession", "OneTimeLogin", "PhoneCode", "ThrottleWindow", "User"]
