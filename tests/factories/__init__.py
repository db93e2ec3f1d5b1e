"""Typed builders for tests: everything comes into being through the services."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from portico.accounts.models import PasswordLink, User
from portico.accounts.services.passwords import set_password
from portico.accounts.services.portal_sessions import note_session, trust_browser
from portico.devices.catalogue import all_models
from portico.devices.enums import (
    AccessMethod,
    CommandChannel,
    CommandKind,
    CommandState,
    DeviceKind,
    PresenceVia,
    RelayKind,
)
from portico.devices.models import Bridge, Device, MacEntry
from portico.devices.rules import RelayData
from portico.devices.selectors import bridge_of
from portico.devices.services.bridges import (
    begin_session,
    enrol_bridge,
    invite_bridge,
)
from portico.devices.services.commands import mark_sent, record_result
from portico.devices.services.mac_library import add_mac
from portico.devices.services.orders import request_order
from portico.devices.services.pictures import store_picture
from portico.devices.services.presence import Contact, record_contacts, sweep_silent
from portico.devices.services.registration import DeviceData, register_device
from portico.events.enums import EventSource
from portico.events.models import Capture, LogEntry
from portico.events.services.inbox import IncomingEvent, store_events
from portico.events.services.logbook import process_waiting
from portico.exports.enums import ExportFormat
from portico.exports.models import Export
from portico.exports.services.exporting import request_export, run_export
from portico.houses.models import HouseImport
from portico.houses.services.importing import keep_import
from portico.houses.sheet import Household
from portico.jobs.models import Job
from portico.jobs.services import lease
from portico.kernel.clock import utcnow
from portico.kernel.ids import new_secret
from portico.kernel.queue import find_job
from portico.mail.models import OutboundMessage
from portico.messaging.enums import Receivers
from portico.messaging.models import Message, MessageTemplate
from portico.messaging.services.templates import add_template
from portico.messaging.services.writing import MessageData, write_message
from portico.notices.enums import Audience, NoticeKind
from portico.notices.models import Notice
from portico.notices.services.telling import announce, notify
from portico.sites.models import PriceList, Resident, Site
from portico.sites.services.assignments import ManagerRights, assign_communities
from portico.sites.services.communities import CommunityData, register_community
from portico.sites.services.people import add_family_member
from portico.sites.services.registration import (
    HouseData,
    PersonData,
    register_house,
)
from portico.support.models import Manual, Ticket
from portico.support.rules import FileData
from portico.support.services.manuals import upload_manual
from portico.support.services.tickets import open_ticket
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.models import Membership, Organization
from portico.tenancy.selectors import distributor_of, membership_of
from portico.tenancy.selectors import operator as find_operator
from portico.tenancy.services.organizations import add_member, create_organization
from tests.authenticator import some_registration

PASSWORD = "correct horse battery"
# What the words of any kind of notice name.
NOTICE_PARAMS = dict.fromkeys(
    [
        "title",
        "text",
        "company",
        "who",
        "minutes",
        "subject",
        "ticket",
        "module",
        "device",
        "site",
        "what",
        "reason",
        "until",
        "name",
        "done",
        "failed",
    ],
    "X",
) | {"campaign": str(uuid.UUID(int=1))}
_count = itertools.count(1)


def make_user(username: str = "", *, name: str = "", password: str = PASSWORD) -> User:
    """An account with a password, past all gates, with no place in any organisation."""
    number = next(_count)
    user = User.objects.create_user(
        username or f"user{number}",
        email=f"{username or f'user{number}'}@example.com",
        name=name or f"User {number}",
        email_confirmed_at=utcnow(),
        policy_version=settings.PRIVACY_POLICY_VERSION,
    )
    set_password(user=user, password=password)
    return user


def unset_password(user: User) -> None:
    """Make ``user`` one who has not yet set his first password."""
    user.set_unusable_password()
    user.save(update_fields=["password"])


def make_account_rows(user: User) -> dict[str, int]:
    """A passkey, a session and a trusted browser of ``user``; their ids."""
    kind = Authenticator.Type.WEBAUTHN
    data = {"name": "Key", "credential": some_registration()}
    passkey = Authenticator.objects.create(user=user, type=kind, data=data)
    note_session(user=user, session_key=new_secret(), agent="", now=utcnow())
    trust_browser(user=user, agent="", now=utcnow())
    return {
        "passkey_id": passkey.pk,
        "session_id": user.portal_sessions.get().pk,
        "browser_id": user.trusted_browsers.get().pk,
    }


def make_organization(
    kind: OrganizationKind, parent: Organization | None, name: str = ""
) -> Organization:
    """A company of ``kind`` below ``parent``."""
    return create_organization(
        actor=None,
        kind=kind,
        name=name or f"{kind.label} {next(_count)}",
        parent=parent,
        time_zone="Europe/Berlin",
        now=utcnow(),
    )


def make_member(organization: Organization, username: str = "", name: str = "") -> User:
    """Somebody who works in ``organization``."""
    user = make_user(username, name=name)
    add_member(
        actor=None,
        organization=organization,
        user=user,
        role=Role.OWNER,
        now=utcnow(),
    )
    return user


def make_person(boss: User, role: Role, username: str = "") -> Membership:
    """Somebody with ``role`` in the company of ``boss``."""
    user = make_user(username)
    return add_member(
        actor=boss,
        organization=organization_of(boss),
        user=user,
        role=role,
        now=utcnow(),
    )


def the_operator() -> Organization:
    """The installation's operator organisation, made when first asked for."""
    return find_operator() or make_organization(OrganizationKind.OPERATOR, None)


def make_operator(username: str = "") -> User:
    """Somebody who works for the operator."""
    return make_member(the_operator(), username)


def make_distributor(username: str = "", name: str = "") -> User:
    """Somebody who works for a distributor of his own."""
    kind = OrganizationKind.DISTRIBUTOR
    return make_member(make_organization(kind, the_operator(), name), username)


def make_installer(
    username: str = "", *, distributor: User | None = None, name: str = ""
) -> User:
    """Somebody who works for an installer of his own, below ``distributor``."""
    parent = organization_of(distributor or make_distributor())
    company = make_organization(OrganizationKind.INSTALLER, parent, name)
    return make_member(company, username)


def make_notice(
    user: User, kind: NoticeKind = NoticeKind.UPGRADE_FINISHED, *, alone: bool = False
) -> Notice:
    """Something that the whole company of ``user`` is told, or he ``alone``."""
    notice = notify(
        organization_id=organization_of(user).pk,
        kind=kind,
        params=NOTICE_PARAMS,
        user_id=user.pk if alone else None,
        now=utcnow(),
    )
    assert notice is not None
    return notice


def make_announcement(operator: User, audience: Audience = Audience.ALL) -> Notice:
    """Something that the operator tells all companies."""
    return announce(
        actor=operator,
        audience=audience,
        title="Version 2",
        text="New things",
        by_mail=False,
        now=utcnow(),
    )


PDF = b"%PDF-1.7 manual"


def make_ticket(customer: User, subject: str = "Door", text: str = "Help") -> Ticket:
    """A ticket of the company of ``customer`` to the one above, with a file."""
    return open_ticket(
        actor=customer,
        subject=subject,
        text=text,
        files=[FileData("device.log", b"boot")],
        now=utcnow(),
    )


def make_manual(operator: User, title: str = "R29 guide") -> Manual:
    """A document for everybody."""
    return upload_manual(
        actor=operator,
        title=title,
        model="R29",
        language="en",
        file=FileData("guide.pdf", PDF),
        now=utcnow(),
    )


def organization_of(user: User) -> Organization:
    """Where ``user`` works."""
    membership = membership_of(user)
    assert membership is not None
    return membership.organization


def make_site(installer: User, name: str = "", **fields: object) -> Site:
    """A house of ``installer`` with its family master."""
    number = next(_count)
    data = HouseData(
        name=name or f"Family {number}",
        email=str(fields.pop("email", f"family{number}@example.com")),
        **fields,  # type: ignore[arg-type]  # what HouseData takes
    )
    site = register_house(actor=installer, data=data, now=utcnow())
    _forget_welcome(site.residents.get().user)
    return site


def set_prices(**monthly: int) -> None:
    """What services cost from now on, in minor units; all others cost nothing."""
    PriceList.objects.update_or_create(pk=1, defaults=monthly)


def _forget_welcome(user: User) -> None:
    """Tests of other things begin with nothing that anybody is owed."""
    for message in OutboundMessage.objects.filter(
        recipient__in=[user.email, user.phone]
    ):
        params = {"message_id": message.pk}
        Job.objects.filter(name="mail.deliver", params=params).delete()
        message.delete()
    PasswordLink.objects.filter(user=user).delete()


def make_family_member(site: Site, installer: User, name: str = "") -> Resident:
    """Somebody else who lives in ``site``, with a password."""
    number = next(_count)
    name = name or f"Member {number}"
    data = PersonData(name=name, email=f"member{number}@example.com")
    resident = add_family_member(actor=installer, site=site, data=data, now=utcnow())
    _forget_welcome(resident.user)
    set_password(user=resident.user, password=PASSWORD)
    return resident


def make_community(installer: User, name: str = "", **fields: str) -> Site:
    """A community of ``installer``, without devices or managers."""
    data = CommunityData(name=name or f"Estate {next(_count)}", **fields)  # type: ignore[arg-type]  # what CommunityData takes
    return register_community(actor=installer, data=data, now=utcnow())


def make_manager(
    installer: User, *communities: Site, username: str = "", **rights: bool
) -> User:
    """A property manager of the company of ``installer``, who looks after these."""
    member = make_person(installer, Role.MANAGER, username)
    assign_communities(
        actor=installer,
        member=member,
        rights={site.pk: ManagerRights(**rights) for site in communities},
        now=utcnow(),
    )
    return member.user


def new_mac() -> str:
    """A MAC that no other test object has."""
    return f"0C1105{next(_count):06X}"


def make_mac(
    installer_or_distributor: User, mac: str = "", model: str = ""
) -> MacEntry:
    """An entry of the MAC library that the given person works with."""
    distributor = distributor_of(organization_of(installer_or_distributor))
    assert distributor is not None
    member = distributor.memberships.select_related("user").first()
    actor = member.user if member else make_member(distributor)
    return add_mac(actor=actor, mac=mac or new_mac(), model=model, now=utcnow())


def make_relay_data(number: int = 1, name: str = "", code: str = "") -> RelayData:
    """What the form of one relay holds."""
    return RelayData(
        number=number,
        kind=RelayKind.LOCAL,
        name=name or f"Door {number}",
        dtmf_code=code or "#123"[number - 1],
        access_methods=[AccessMethod.HOMEPAGE, AccessMethod.TALKING_PAGE],
    )


def make_device(
    site: Site,
    installer: User,
    *,
    name: str = "Front door",
    model: str = "R29",
    mac: str = "",
    relays: Sequence[RelayData] | None = None,
) -> Device:
    """A device of ``site``, its MAC put into the library first."""
    entry = make_mac(installer, mac, model)
    kind = all_models()[model].kind if model else DeviceKind.DOOR_PHONE
    is_door = kind != DeviceKind.INDOOR_MONITOR
    default = [make_relay_data()] if is_door else []
    return register_device(
        actor=installer,
        site=site,
        mac=entry.mac,
        data=DeviceData(
            kind=kind, name=name, relays=default if relays is None else relays
        ),
        now=utcnow(),
    )


def make_bridge(site: Site, installer: User, *, online: bool = True) -> Bridge:
    """An enrolled bridge of ``site``."""
    now = utcnow()
    bridge, token = invite_bridge(actor=installer, site=site, name="Bridge", now=now)
    enrol_bridge(token=token, public_key=new_secret(), version="0.1.0", now=utcnow())
    if online:
        begin_session(
            bridge=bridge,
            session=f"gateway:{uuid.uuid4()}",
            lan_url="http://192.168.1.5:8089",
            version="0.1.0",
            now=now,
        )
    bridge.refresh_from_db()
    return bridge


def make_seen(
    device: Device, *, at: datetime | None = None, via: PresenceVia = PresenceVia.EVENT
) -> None:
    """Let ``device`` be heard of; long ago means that it is offline now."""
    moment = at or utcnow()
    record_contacts(contacts=[Contact(device.pk, moment, via, "192.168.1.20")])
    sweep_silent(now=utcnow())


# As short as a JPEG may be.
JPEG = b"\xff\xd8\xff\xe0picture\xff\xd9"


def make_picture(device: Device, installer: User, jpeg: bytes = JPEG) -> bool:
    """Order a picture of ``device`` and let its bridge send it; whether it was kept."""
    now = utcnow()
    bridge = bridge_of(device.site)
    assert bridge is not None
    command = request_order(
        actor=installer,
        device=device,
        kind=CommandKind.TAKE_PICTURE,
        channel=CommandChannel.PORTAL,
        now=now,
    )
    assert mark_sent(command_id=command.pk, now=now)
    kept = store_picture(bridge_id=bridge.pk, command_id=command.pk, jpeg=jpeg, now=now)
    record_result(
        bridge_id=bridge.pk,
        command_id=command.pk,
        state=CommandState.ACKNOWLEDGED,
        reason="",
        at=now,
        now=now,
    )
    return kept


def make_event(
    device: Device, kind: str, *, at: datetime | None = None, **data: object
) -> None:
    """Let ``device`` report something, and the worker turn it into the log."""
    moment = at or utcnow()
    store_events(
        [
            IncomingEvent(
                device_id=device.pk,
                source=EventSource.BRIDGE,
                kind=kind,
                data=dict(data),
                dedupe=uuid.uuid4().bytes,
                occurred_at=moment,
                received_at=moment,
            )
        ]
    )
    while process_waiting(now=utcnow()):
        pass


def make_capture(device: Device, jpeg: bytes = JPEG) -> Capture:
    """A picture of the newest line of ``device``."""
    entry = LogEntry.objects.filter(device=device).latest("pk")
    name = f"captures/{utcnow():%Y%m%d}/{uuid.uuid4().hex}.jpg"
    return Capture.objects.create(
        entry=entry,
        site_id=entry.site_id,
        organization_id=entry.organization_id,
        ordered_at=entry.occurred_at,
        taken_at=entry.occurred_at,
        file=default_storage.save(name, ContentFile(jpeg)),
        size=len(jpeg),
    )


def make_export(user: User, source: str = "log", query: str = "") -> Export:
    """All of the log that ``user`` sees, as a file that is there."""
    export = request_export(
        actor=user,
        source=source,
        query=query,
        file_format=ExportFormat.CSV,
        now=utcnow(),
    )
    run_export(export_id=export.pk, clock=utcnow)
    export.refresh_from_db()
    return export


def run_jobs() -> int:
    """Run all waiting jobs here and now; returns how many. A failure is raised."""
    done = 0
    while claimed := lease.claim(
        worker="test", limit=100, now=utcnow() + timedelta(days=1)
    ):
        for job in claimed:
            spec = find_job(job.name)
            assert spec is not None, job.name
            spec.task(**job.params)
            lease.finish(job=job, worker="test")
            done += 1
    return done


def make_message(installer: User, title: str = "News", **fields: object) -> Message:
    """What ``installer`` tells all users, now, unless ``fields`` say otherwise."""
    known = {"title": title, "text": "Hello {name}", "receivers": Receivers.ALL}
    data = MessageData(**(known | fields))  # type: ignore[arg-type]  # what it takes
    return write_message(actor=installer, data=data, token=uuid.uuid4(), now=utcnow())


def make_import(installer: User) -> HouseImport:
    """A file with one house that ``installer`` has chosen."""
    number = next(_count)
    data = HouseData(name=f"File {number}", email=f"file{number}@example.com")
    return keep_import(
        actor=installer,
        file_name="houses.csv",
        households=[Household(2, data, ())],
        now=utcnow(),
    )


def make_template(installer: User, title: str = "Upgrade") -> MessageTemplate:
    """Words that the company of ``installer`` keeps."""
    text = "Dear {name}, doors of {house} restart tonight."
    return add_template(actor=installer, title=title, text=text, now=utcnow())


def make_dead_letter(name: str = "mail.deliver", error: str = "OSError: away") -> Job:
    """A job that was given up."""
    now = utcnow()
    return Job.objects.create(
        name=name,
        state="dead",
        run_at=now,
        created_at=now,
        failed_at=now,
        attempts=8,
        last_error=error,
    )
