from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import template
from django.forms import BoundField
from django.template import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portico.accounts.enums import TimeFormat
from portico.devices.enums import AccessMethod, DenialReason
from portico.events.enums import LogKind, Method, Outcome
from portico.events.rules import sign_capture
from portico.firmware.reports import update_for as version_for
from portico.kernel.ids import new_secret
from portico.kernel.mac import pretty_mac
from portico.locks.enums import LockReason
from portico.portals.shared.icons import icon_svg

if TYPE_CHECKING:
    from portico.accounts.models import User
    from portico.devices.models import Device
    from portico.events.models import Capture, LogEntry
    from portico.firmware.models import FirmwareVersion

register = template.Library()

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of the installed set, drawn in the colour of the text around it."""
    return icon_svg(name)


@register.simple_tag(takes_context=True)
def ago(context: Context, moment: datetime | None) -> SafeString | str:
    """How long ago ``moment`` was, or how long it is until then; the exact time is its
    title, a script keeps it true."""
    if moment is None:
        return _("never")
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        moment.isoformat(),
        _exact(moment, context.get("user")),
        _age(timezone.now() - moment),
    )


@register.simple_tag
def left(moment: datetime) -> SafeString:
    """How long it is until ``moment``; a script counts down."""
    return format_html(
        '<time datetime="{}" data-left>{}</time>',
        moment.isoformat(),
        _left(moment - timezone.now()),
    )


def _left(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    clock = f"{seconds // _MINUTE}:{seconds % _MINUTE:02}"
    return _("%(clock)s left") % {"clock": clock}


@register.simple_tag(takes_context=True)
def exact(context: Context, moment: datetime | None) -> SafeString | str:
    """``moment`` to the second, in the viewer's zone and format."""
    if moment is None:
        return "—"
    return format_html(
        '<time datetime="{}">{}</time>',
        moment.isoformat(),
        _exact(moment, context.get("user")),
    )


def _exact(moment: datetime, user: User | None) -> str:
    local = timezone.localtime(moment)
    in_halves = getattr(user, "time_format", "") == TimeFormat.HOURS_12
    clock = "g:i:s A" if in_halves else "H:i:s"
    return f"{date_format(local, 'j N Y')}, {date_format(local, clock)} {local:%Z}"


def _age(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if abs(seconds) < 5:
        return _("just now")
    if seconds < 0:
        return _ahead(-seconds)
    if seconds < _MINUTE:
        return _("%(n)d s ago") % {"n": seconds}
    if seconds < _HOUR:
        return _("%(n)d min ago") % {"n": seconds // _MINUTE}
    if seconds < _DAY:
        return _("%(n)d h ago") % {"n": seconds // _HOUR}
    days = seconds // _DAY
    return ngettext("%(n)d day ago", "%(n)d days ago", days) % {"n": days}


def _ahead(seconds: int) -> str:
    if seconds < _MINUTE:
        return _("in %(n)d s") % {"n": seconds}
    if seconds < _HOUR:
        return _("in %(n)d min") % {"n": seconds // _MINUTE}
    if seconds < _DAY:
        return _("in %(n)d h") % {"n": seconds // _HOUR}
    days = seconds // _DAY
    return ngettext("in %(n)d day", "in %(n)d days", days) % {"n": days}


@register.filter
def latency(milliseconds: int | None) -> str:
    """``240`` as ``0.24 s``."""
    return "" if milliseconds is None else _("%(s).2f s") % {"s": milliseconds / 1000}


@register.filter
def mac(value: str) -> str:
    """A stored MAC as it stands on the label."""
    return pretty_mac(value)


@register.filter
def get(mapping: dict[Any, Any], key: Any) -> Any:
    """``mapping[key]``, or nothing."""
    return mapping.get(key)


@register.filter
def update_for(newest: dict[str, FirmwareVersion] | None, device: Device) -> Any:
    """The version that ``device`` could have, of the ``newest`` by model."""
    return version_for(newest, device) if newest else None


@register.filter
def total(counts: Mapping[Any, int]) -> int:
    """The sum of what is counted."""
    return sum(counts.values())


@register.filter
def is_group(field: BoundField) -> bool:
    """Whether the field is several controls under one legend."""
    return bool(field.field.widget.use_fieldset)


@register.filter
def is_switch(field: BoundField) -> bool:
    """Whether the field is one box to tick, with its label behind it."""
    return getattr(field.field.widget, "input_type", "") == "checkbox" and not is_group(
        field
    )


@register.simple_tag
def new_key() -> str:
    """A fresh idempotency key, for browsers that run no scripts."""
    return new_secret()


@register.filter
def method_label(value: str) -> str:
    """An access method in words."""
    known = value in AccessMethod.values
    return str(AccessMethod(value).label) if known else value


@register.filter
def reason_text(value: str) -> str:
    """Why a command came to nothing, as a sentence."""
    for reasons in (DenialReason, LockReason):
        if value in reasons.values:
            return str(reasons(value).label)
    return value


_OUTCOME_CSS = {
    Outcome.GRANTED: "is-green",
    Outcome.UNCONFIRMED: "is-amber",
    Outcome.REFUSED: "is-red",
    Outcome.FAILED: "is-red",
    Outcome.NO_ANSWER: "is-red",
}
_OUTCOME_ICONS = {
    Outcome.GRANTED: "circle-check",
    Outcome.UNCONFIRMED: "clock",
    Outcome.NOTED: "point",
}
_METHOD_ICONS = {
    Method.PIN: "dialpad",
    Method.CARD: "id",
    Method.FACE: "face-id",
    Method.QR: "qrcode",
    Method.NFC: "nfc",
    Method.BLUETOOTH: "bluetooth",
    Method.BUTTON: "hand-click",
    Method.ON_SITE: "door",
    Method.GUEST: "key",
    Method.APP: "device-mobile",
    Method.PORTAL: "device-desktop",
    Method.CALL: "phone",
}
_KIND_ICONS = {
    LogKind.CAPTURE: "camera",
    LogKind.CALL: "phone",
    LogKind.MOTION: "run",
    LogKind.ALARM: "alert-triangle",
}


@register.simple_tag(takes_context=True)
def capture_url(context: Context, capture: Capture) -> str:
    """The address of a picture, for who looks at this page alone, and for an hour."""
    signed = sign_capture(capture.pk, context["user"].pk)
    return reverse(f"{context['space']}:capture", args=[signed])


@register.filter
def as_json(value: Any) -> str:
    """What a device reported, as it is kept."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


@register.filter
def outcome_css(entry: LogEntry) -> str:
    """The colour of an entry; an alarm is red whatever became of it."""
    if entry.kind == LogKind.ALARM:
        return "is-red"
    return _OUTCOME_CSS.get(Outcome(entry.outcome), "is-grey")


@register.filter
def outcome_icon(entry: LogEntry) -> str:
    return _OUTCOME_ICONS.get(Outcome(entry.outcome), "circle-x")


@register.filter
def log_icon(entry: LogEntry) -> str:
    """What stands for how it happened."""
    if entry.kind == LogKind.DOOR:
        return _METHOD_ICONS.get(Method(entry.method), "door")
    return _KIND_ICONS[LogKind(entry.kind)]


@register.filter
def log_title(entry: LogEntry) -> str:
    """Who and how, in a few words."""
    if entry.kind == LogKind.MOTION:
        return _("Motion")
    if entry.kind == LogKind.ALARM:
        return str(_ALARMS.get(entry.reason, _("Alarm")))
    if entry.kind == LogKind.CAPTURE:
        return _("Picture taken by %(who)s") % {"who": entry.initiator}
    if entry.kind == LogKind.CALL:
        return (
            _("Call: %(who)s") % {"who": entry.initiator}
            if entry.initiator
            else _("Call")
        )
    how = Method(entry.method).label if entry.method else ""
    shown = f"{how} {entry.credential}".strip()
    who = entry.initiator or (
        _("Unknown") if entry.outcome == Outcome.REFUSED else _("Somebody")
    )
    return f"{who} · {shown}" if shown else who


_ALARMS = {
    "tamper": gettext_lazy("Alarm: the unit was tampered with"),
    "break_in": gettext_lazy("Alarm: break-in"),
    "door_held_open": gettext_lazy("Alarm: the door is held open"),
}
