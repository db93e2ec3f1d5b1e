from __future__ import annotations

from django.urls import path

from portico.portals.distributor.frame import DISTRIBUTOR
from portico.portals.distributor.views import dashboard, mac_library, web_password
from portico.portals.shared.urls import common_urls, company_urls, people_urls

app_name = "distributor"

_WEB_LOGIN = "devices/<slug:mac>/web-password/"
_LIBRARY = "mac-library/"

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path(_LIBRARY, mac_library.mac_library, name="mac_library"),
    path(f"{_LIBRARY}new/", mac_library.mac_add, name="mac_add"),
    path(f"{_LIBRARY}import/", mac_library.mac_import, name="mac_import"),
    path(f"{_LIBRARY}import/load/", mac_library.mac_load, name="mac_load"),
    path(f"{_LIBRARY}template.csv", mac_library.mac_template, name="mac_template"),
    path(
        f"{_LIBRARY}<int:entry_id>/remove/", mac_library.mac_remove, name="mac_remove"
    ),
    path(_WEB_LOGIN, web_password.web_password, name="web_password"),
    path(f"{_WEB_LOGIN}end/", web_password.web_password_end, name="web_password_end"),
    *company_urls(DISTRIBUTOR),
    *people_urls(DISTRIBUTOR),
    *common_urls(DISTRIBUTOR),
]
