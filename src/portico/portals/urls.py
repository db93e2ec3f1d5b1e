from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("portico.portals.shared.urls")),
    path("installer/", include("portico.portals.installer.urls")),
    path("manager/", include("portico.portals.manager.urls")),
    path("distributor/", include("portico.portals.distributor.urls")),
    path("operator/", include("portico.portals.operator.urls")),
]
