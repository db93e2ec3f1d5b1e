from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("portico.appapi.urls")),
    path("", include("portico.portals.urls")),
]
