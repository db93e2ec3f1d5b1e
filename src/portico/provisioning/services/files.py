"""Provisioning files: rendered once per change, served from the gateway's cache."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.conf import settings
from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.catalogue import all_models
from portico.devices.models import Device
from portico.devices.selectors import bridge_of
from portico.devices.services.registration import PUBLISH
from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import enqueue
from portico.protocols.akuvox import action_url, contacts
from portico.protocols.autop.grammar import contacts_name
from portico.protocols.autop.render import render
from portico.provisioning.models import ProvisioningFile, WebPassword
from portico.provisioning.rules import (
    calls_people,
    event_base,
    settings_for,
    sip_address,
)
from portico.provisioning.selectors import address_book

_REVISION_DIGITS = 8
# Once, with the first fetch: a unit that boots with our settings reports to us, and only
# that tells that they are applied, which firmware runs, and where it is on its LAN. The
# line is gone from the file as soon as it was fetched, so that it cannot loop.
FIRST_CONTACT = {"Config.Autoprovision.Reboot.Enable": "1"}


@transaction.atomic
def publish_file(*, device: Device, now: datetime) -> ProvisioningFile:
    """Render the file of ``device``; it is replaced only if a byte of it differs.

    Two at once would race for whose view of the device is the newer: the row is held,
    and what it says is read after that.
    """
    Device.objects.select_for_update().filter(pk=device.pk).first()
    device = Device.objects.select_related("site", "secrets", "sip").get(pk=device.pk)
    base = settings.ENVIRONMENT.devices_base
    secrets = device.secrets
    values = settings_for(
        device=device,
        secrets=secrets,
        relays=list(device.relays.all()),
        model=all_models().get(device.model),
        base=base,
        sip=device.sip,
        sip_server=settings.ENVIRONMENT.sip_address or sip_address(base),
        now=now,
    )
    web_password = WebPassword.objects.filter(device=device).first()
    if web_password is not None:
        values["Config.Settings.WEB_LOGIN.Password"] = web_password.password
    book = _book(device)
    if book:
        name = contacts_name(_revision(book))
        values["Config.Contact.Url"] = f"{base}/p/{secrets.file_secret}/{name}"
    reports_to = event_base(base, bridge_of(device.site))
    plain = render(values | {"-": reports_to})
    revision = _revision(plain)
    values |= action_url.templates(
        reports_to, secrets.event_secret, config_revision=revision
    )
    earlier = ProvisioningFile.objects.filter(device=device).first()
    if earlier is None or earlier.fetched_at is None:
        values |= FIRST_CONTACT
    body = render(values, title=f"{device.name} ({device.pretty_mac})")
    etag = hashlib.sha256(body.encode()).hexdigest()
    file, created = ProvisioningFile.objects.get_or_create(
        device=device,
        defaults={
            "body": body,
            "contacts": book,
            "etag": etag,
            "revision": revision,
            "published_at": now,
        },
    )
    if not created and file.etag != etag:
        file.body, file.contacts = body, book
        file.etag, file.revision, file.published_at = etag, revision, now
        written = ["body", "contacts", "etag", "revision", "published_at"]
        file.save(update_fields=written)  # what was fetched meanwhile stays
    publish_on_commit("file.published", device=device.pk, site=str(device.site_id))
    return file


def _book(device: Device) -> str:
    if not calls_people(device):
        return ""
    return contacts.render(address_book(device), title=device.site.name)


def _revision(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_REVISION_DIGITS]


@transaction.atomic
def reveal_file(*, actor: User, file: ProvisioningFile, now: datetime) -> str:
    """The text of ``file`` with its passwords; that it was shown is on record."""
    device = file.device
    record(
        actor=actor,
        action="provisioning.revealed",
        subject=device,
        organization_id=device.site.organization_id,
        site_id=device.site_id,
        after={"revision": file.revision},
        now=now,
    )
    return file.body


@transaction.atomic
def note_fetched(*, device_id: int, revision: str, at: datetime) -> None:
    """The device has fetched the settings of ``revision`` in full, or still has them."""
    files = ProvisioningFile.objects.filter(device_id=device_id)
    first = files.filter(fetched_at=None).update(
        fetched_at=at, fetched_revision=revision
    )
    if first:  # the order to reboot has served its purpose
        enqueue(PUBLISH, unique_key=f"publish:{device_id}", device_id=device_id)
    else:
        files.update(fetched_at=at, fetched_revision=revision)
    if files.exists():
        _hint(device_id)


def note_applied(*, device: Device, revision: str, at: datetime) -> None:
    """The device has reported with the settings of ``revision``."""
    changed = (
        ProvisioningFile.objects.filter(device=device)
        .exclude(applied_revision=revision[:12])
        .update(applied_at=at, applied_revision=revision[:12])
    )
    if changed:
        _hint(device.pk)


def _hint(device_id: int) -> None:
    sites = Device.objects.filter(pk=device_id).values_list("site_id", flat=True)
    for site_id in sites:  # none: it was removed just now
        publish_on_commit("device.changed", device=device_id, site=str(site_id))
