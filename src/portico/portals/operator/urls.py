from __future__ import annotations

from django.urls import path

from portico.portals.operator.frame import OPERATOR, operator_only
from portico.portals.operator.views import (
    announcements,
    dead_letters,
    firmware,
    pages,
    services,
)
from portico.portals.shared.urls import common_urls, company_urls, people_urls
from portico.portals.shared.views import support

app_name = "operator"

_SERVICES = "sites/<uuid:site_id>/services/"
_LETTER = "dead-letters/<int:job_id>/"
_VERSION = "firmware/<int:version_id>/"

urlpatterns = [
    path("", pages.dashboard, name="dashboard"),
    path("health/", pages.health, name="health"),
    path("app-api/", pages.app_api, name="app_api"),
    path("prices/", services.prices, name="prices"),
    path(_SERVICES, services.site_services, name="site_services"),
    path(
        f"{_SERVICES}<slug:feature>/grant/",
        services.service_grant,
        name="service_grant",
    ),
    path(f"{_SERVICES}<slug:feature>/end/", services.service_end, name="service_end"),
    path("firmware/", firmware.firmware, name="firmware"),
    path("firmware/new/", firmware.firmware_new, name="firmware_new"),
    path(_VERSION, firmware.firmware_version, name="firmware_version"),
    path(f"{_VERSION}log/", firmware.firmware_log, name="firmware_log"),
    path(f"{_VERSION}mark/", firmware.firmware_mark, name="firmware_mark"),
    path(f"{_VERSION}unmark/", firmware.firmware_unmark, name="firmware_unmark"),
    path(f"{_VERSION}delete/", firmware.firmware_delete, name="firmware_delete"),
    path("announcements/", announcements.announcement_list, name="announcements"),
    path("announcements/new/", announcements.announcement_new, name="announcement_new"),
    path(
        "announcements/<int:announcement_id>/withdraw/",
        announcements.announcement_withdraw,
        name="announcement_withdraw",
    ),
    path(
        "support/manuals/new/",
        operator_only(support.manual_new),
        name="manual_new",
    ),
    path(
        "support/manuals/<int:manual_id>/remove/",
        operator_only(support.manual_remove),
        name="manual_remove",
    ),
    path("dead-letters/", dead_letters.letters, name="dead_letters"),
    path(f"{_LETTER}retry/", dead_letters.letter_retry, name="letter_retry"),
    path(f"{_LETTER}discard/", dead_letters.letter_discard, name="letter_discard"),
    *company_urls(OPERATOR),
    *people_urls(OPERATOR),
    *common_urls(OPERATOR),
]
