"""Plain Django views: one request, one row, or one rendered file."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.urls import path

from portico.devices.catalogue import all_models
from portico.devices.models import Device, DeviceSecrets
from portico.devices.selectors import bridge_of
from portico.events.enums import EventSource
from portico.events.models import Event
from portico.events.services.inbox import direct_key
from portico.kernel.clock import utcnow
from portico.kernel.ids import secret_digest
from portico.protocols.akuvox import action_url
from portico.protocols.autop.render import render
from portico.provisioning.rules import event_base, settings_for, sip_server


def ready(request: HttpRequest) -> HttpResponse:
    del request
    return _answer(b"ready")


def _answer(body: bytes, **headers: str) -> HttpResponse:
    # What Django's CommonMiddleware would do.
    headers["Content-Length"] = str(len(body))
    return HttpResponse(body, content_type="text/plain", headers=headers)


def event(request: HttpRequest, secret: str) -> HttpResponse:
    """Find whose action URL it is, read and mask it, write one row."""
    owner = DeviceSecrets.objects.only("device_id").get(
        event_digest=secret_digest(secret)
    )
    return _store(request, owner.device_id)


def event_of_nobody(request: HttpRequest, secret: str) -> HttpResponse:
    """The same without finding out whose it is: a lower bound of what a view does."""
    del secret
    return _store(request, 1)


def _store(request: HttpRequest, device_id: int) -> HttpResponse:
    now = utcnow()
    report = action_url.parse(request.META["QUERY_STRING"].encode())
    Event.objects.create(
        device_id=device_id,
        source=EventSource.DIRECT,
        kind=report.kind,
        data=report.data,
        dedupe=direct_key(report.fingerprint, now),
        occurred_at=now,
        received_at=now,
    )
    return _answer(b"OK")


def provisioning_file(request: HttpRequest, secret: str, name: str) -> HttpResponse:
    """Render the unit's file from its settings; 304 if the unit has it already."""
    del name
    secrets = DeviceSecrets.objects.select_related("device__site", "device__sip").get(
        file_digest=secret_digest(secret)
    )
    body = _file_of(secrets.device, secrets)
    tag = f'"{hashlib.sha256(body).hexdigest()}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified()
    return _answer(body, ETag=tag)


def _file_of(device: Device, secrets: DeviceSecrets) -> bytes:
    base = settings.ENVIRONMENT.devices_base
    values = settings_for(
        device=device,
        secrets=secrets,
        relays=list(device.relays.all()),
        model=all_models().get(device.model),
        base=base,
        sip_server=sip_server(base, None, 5061),
        now=utcnow(),
    )
    reports_to = event_base(base, bridge_of(device.site))
    values |= action_url.templates(
        reports_to, secrets.event_secret, config_revision="plain"
    )
    return render(values, title=device.name).encode()


urlpatterns = [
    path("ready", ready),
    path("e/<str:secret>", event),
    path("n/<str:secret>", event_of_nobody),
    path("p/<str:secret>/<str:name>", provisioning_file),
]
