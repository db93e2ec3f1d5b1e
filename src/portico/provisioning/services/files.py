"""Provisioning files: rendered once per change, served from the gateway's cache."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.conf import settings
from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.catalogue import all_models
from portico.devices.enums import RESETS
from portico.devices.models import Device
from portico.devices.selectors import bridge_of, buttons_of
from portico.devices.services.commands import confirm_restart
from portico.devices.services.registration import PUBLISH
from portico.devices.services.rotation import forget_old_secrets
from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import enqueue
from portico.protocols.akuvox import action_url, contacts
from portico.protocols.autop.grammar import contacts_name, parse
from portico.protocols.autop.render import render
from portico.provisioning.commands import merged, overlay
from portico.provisioning.enums import AutopKind
from portico.provisioning.models import AutopItem, ProvisioningFile, WebPassword
from portico.provisioning.rules import (
    calls_people,
    event_base,
    settings_for,
    sip_server,
)
from portico.provisioning.selectors import address_book, live_items
from portico.provisioning.services.autop import carried, note_commands_fetched
from portico.provisioning.services.comparing import compare_soon

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
        buttons=list(buttons_of(device)),
        sip_server=sip_server(
            base, settings.ENVIRONMENT.sip_address, settings.ENVIRONMENT.sip_tls_port
        ),
        now=now,
    )
    web_password = WebPassword.objects.filter(device=device).first()
    if web_password is not None:
        values["Config.Settings.WEB_LOGIN.Password"] = web_password.password
    book = _book(device)
    if book:
        name = contacts_name(_revision(book))
        values["Config.Contact.Url"] = f"{base}/p/{secrets.file_secret}/{name}"
    items = list(live_items([device.pk]))
    values = overlay(values, _commands(items, AutopKind.REGULAR))
    reports_to = event_base(base, bridge_of(device.site))
    plain = render(values | {"-": reports_to})
    revision = _revision(plain)
    values |= action_url.templates(
        reports_to, secrets.event_secret, config_revision=revision
    )
    earlier = ProvisioningFile.objects.filter(device=device).first()
    if earlier is None or earlier.fetched_at is None:
        values |= FIRST_CONTACT
    title = f"{device.name} ({device.pretty_mac})"
    repeats = earlier.repeats if earlier is not None else 0
    again = render({}, title=f"again: {repeats}") if repeats else ""
    body = render(values, title=title) + again + _once(items)
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
    carried(device=device, etag=etag)
    publish_on_commit("file.published", device=device.pk, site=str(device.site_id))
    return file


def _commands(items: list[AutopItem], kind: AutopKind) -> dict[str, str]:
    """The commands of one kind that stand in the file, without their repetitions."""
    return merged(parse(i.order.text).settings for i in items if i.kind == kind)


def _once(items: list[AutopItem]) -> str:
    """The part that is served once. Its title makes the bytes new: a unit applies no file
    twice, and the same commands may have been sent before."""
    once = [item for item in items if item.kind == AutopKind.ONE_TIME]
    if not once:
        return ""
    title = "once: " + " ".join(str(item.pk) for item in once)
    return render(_commands(once, AutopKind.ONE_TIME), title=title)


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
def note_fetched(*, device_id: int, revision: str, etag: str, at: datetime) -> None:
    """The device has fetched the file with ``etag`` in full, or still has it.

    ``revision`` is that of its settings.
    """
    files = ProvisioningFile.objects.filter(device_id=device_id)
    first = files.filter(fetched_at=None).update(
        fetched_at=at, fetched_revision=revision
    )
    if first:
        # A unit that was reset is there again.
        for device in Device.objects.filter(pk=device_id):
            confirm_restart(device=device, kinds=RESETS, at=at, now=at)
        # The order to reboot has served its purpose.
        enqueue(PUBLISH, unique_key=f"publish:{device_id}", device_id=device_id)
    else:
        files.update(fetched_at=at, fetched_revision=revision)
    note_commands_fetched(device_id=device_id, etag=etag, at=at)
    if files.exists():
        _hint(device_id)


def note_applied(*, device: Device, revision: str, at: datetime) -> None:
    """The device has reported with the settings of ``revision``."""
    changed = (
        ProvisioningFile.objects.filter(device=device)
        .exclude(applied_revision=revision[:12])
        .update(applied_at=at, applied_revision=revision[:12])
    )
    if not changed:
        return
    files = ProvisioningFile.objects.filter(device=device, revision=revision[:12])
    for published_at in files.values_list("published_at", flat=True):
        forget_old_secrets(device=device, settings_of=published_at)
    compare_soon(device_id=device.pk, now=at)
    _hint(device.pk)


def _hint(device_id: int) -> None:
    sites = Device.objects.filter(pk=device_id).values_list("site_id", flat=True)
    for site_id in sites:  # none: it was removed just now
        publish_on_commit("device.changed", device=device_id, site=str(site_id))
