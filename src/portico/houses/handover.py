"""The sheet that is left with the owner of a house, as a PDF in A4 (SITE-12)."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import typst
from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from portico.devices.enums import DeviceKind
from portico.devices.models import Device
from portico.devices.selectors import devices_of_site
from portico.houses.commissioning import Commissioning
from portico.houses.enums import Step
from portico.sites.models import Site
from portico.sites.selectors import people_of
from portico.tenancy.selectors import company_settings

# One face for each script; of the four that share Han characters the house's own first.
_FACES = ("Noto Sans", "Noto Sans Hebrew", "Noto Sans Arabic")
_HAN = {
    "ja": "Noto Sans JP",
    "ko": "Noto Sans KR",
    "zh-hans": "Noto Sans SC",
    "zh-hant": "Noto Sans TC",
}


def handover_sheet(
    *, site: Site, checklist: Commissioning, made_by: str, now: datetime
) -> bytes:
    """The PDF for a house that the caller has been shown; times in the house's zone.

    While a step is open the sheet says so on top.
    """
    with timezone.override(ZoneInfo(site.time_zone)):
        sheet = _sheet(site, checklist, made_by, now)
    pdf = typst.compile(
        str(Path(__file__).with_name("handover.typ")),
        font_paths=[str(Path(settings.FONTS))],
        ignore_system_fonts=True,
        sys_inputs={"sheet": json.dumps(sheet)},
    )
    if not isinstance(pdf, bytes):
        raise TypeError("typst made several files of one sheet")
    return pdf


def _moment(at: datetime) -> str:
    return date_format(timezone.localtime(at), "Y-m-d H:i")


def _fonts(language: str) -> list[str]:
    first = _HAN.get(language)
    rest = [face for face in _HAN.values() if face != first]
    return [*_FACES, *([first] if first else []), *rest]


def _sheet(
    site: Site, checklist: Commissioning, made_by: str, now: datetime
) -> dict[str, object]:
    company = site.organization
    service = company_settings(company)
    contact = [service.service_phone, service.service_email]
    open_steps = [
        str(stage.step.label) for stage in checklist.stages if not stage.is_done
    ]
    return {
        "title": _("Hand-over of %(house)s") % {"house": site.room_name},
        "kind": _("Hand-over"),
        "house": site.room_name,
        "address": site.address,
        "company": company.name,
        "contact": [text for text in contact if text],
        "fonts": _fonts(site.language),
        "open_title": _("Not complete. Still open:"),
        "open": open_steps,
        "house_title": _("House"),
        "facts": [
            [_("Name"), site.name],
            [_("Family SIP Number"), str(site.family_sip or "—")],
            [_("SIP Call Or IP Call"), site.get_call_mode_display()],
            [_("Time Zone"), site.time_zone],
            [_("Landlines"), ", ".join(site.landlines) or "—"],
        ],
        "people_title": _("People"),
        "people_columns": [_("Name"), _("Role"), _("Email"), _("Mobile Number")],
        "people": [
            [
                person.user.name,
                person.get_role_display(),
                person.user.email or "—",
                person.user.phone or "—",
            ]
            for person in people_of(site)
        ],
        "devices_title": _("Devices"),
        "devices_columns": [_("Device Name"), _("Model"), _("MAC"), _("Doors")],
        "devices": [_device(device) for device in devices_of_site(site)],
        "checks_title": _("Checked before the hand-over"),
        "checks": _checks(checklist),
        "signatures": [
            _("Date and signature, installer"),
            _("Date and signature, owner"),
        ],
        "footer": _("Made by %(who)s on %(when)s, times of %(zone)s")
        % {"who": made_by, "when": _moment(now), "zone": site.time_zone},
    }


def _device(device: Device) -> list[str]:
    doors = ", ".join(relay.name for relay in device.relays.all())
    is_monitor = device.kind == DeviceKind.INDOOR_MONITOR
    model = device.model or device.reported_model or device.get_kind_display()
    return [device.name, model, device.pretty_mac, "—" if is_monitor else doors or "—"]


def _checks(checklist: Commissioning) -> list[list[object]]:
    return [
        [
            check.is_done,
            f"{Step(check.step).label}: {check.name}",
            _detail(check.at, check.by),
        ]
        for stage in checklist.stages
        for check in stage.checks
    ]


def _detail(at: datetime | None, by: str) -> str:
    if at is None:
        return _("open")
    return f"{_moment(at)}, {by}" if by else _moment(at)
