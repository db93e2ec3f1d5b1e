"""Addresses that belong to no portal, and those that every portal has."""

from __future__ import annotations

from django.urls import URLPattern, path

from portico.portals.shared.frame import Portal
from portico.portals.shared.http import guard
from portico.portals.shared.views import pages, setting, sign_in

urlpatterns = [
    path("", sign_in.home, name="home"),
    path("sign-in/", sign_in.sign_in, name="account_login"),
    path("sign-in/once/<str:secret>/", sign_in.sign_in_once, name="sign_in_once"),
    path("sign-out/", sign_in.sign_out, name="account_logout"),
]


def common_urls(portal: Portal) -> list[URLPattern]:
    """The pages of :mod:`~portico.portals.shared.views.pages` and ``setting``."""
    only = guard(portal)
    return [
        path("setting/", only(setting.setting), name="setting"),
        path("setting/password/", only(setting.password), name="password"),
        path("notifications/", only(pages.notifications), name="notifications"),
        path("privacy/", only(pages.privacy), name="privacy"),
    ]
