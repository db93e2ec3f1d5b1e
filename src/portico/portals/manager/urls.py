from __future__ import annotations

from django.urls import path

from portico.portals.manager.frame import MANAGER
from portico.portals.manager.views import communities, devices
from portico.portals.shared.urls import account_urls, export_urls

app_name = "manager"

_COMMUNITY, _DEVICE = "communities/<uuid:site_id>/", "devices/<slug:mac>/"

urlpatterns = [
    path("", communities.community_list, name="dashboard"),
    path(_COMMUNITY, communities.community, name="community"),
    path(f"{_COMMUNITY}devices/", communities.site_devices, name="site_devices"),
    path(f"{_COMMUNITY}log/", communities.site_log, name="site_log"),
    path("log/<int:visit_id>/", communities.log_visit, name="log_visit"),
    path("log/<int:visit_id>/whole/", communities.log_whole, name="log_whole"),
    path("log/pictures/<str:signed>/", communities.capture, name="capture"),
    *export_urls(MANAGER),
    path(_DEVICE, devices.device, name="device"),
    path(f"{_DEVICE}head/", devices.head, name="device_head"),
    path(f"{_DEVICE}picture/", devices.picture, name="device_picture"),
    path(
        f"{_DEVICE}picture/newest.jpg",
        devices.picture_content,
        name="device_picture_file",
    ),
    *account_urls(MANAGER),
]
