"""Every route of the pages, as nobody, as a stranger and as the owner (ORG-5)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from portico.access.enums import CredentialKind
from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.enums import CommandChannel
from portico.devices.models import Device
from portico.devices.services.commands import request_open
from portico.events.models import LogEntry
from portico.events.rules import sign_capture
from portico.kernel.clock import utcnow
from portico.notices.enums import NoticeKind
from portico.sites.models import Resident
from portico.tenancy.enums import Role
from tests.factories import (
    make_account_rows,
    make_announcement,
    make_bridge,
    make_capture,
    make_community,
    make_dead_letter,
    make_device,
    make_distributor,
    make_event,
    make_export,
    make_family_member,
    make_import,
    make_installer,
    make_mac,
    make_manager,
    make_manual,
    make_message,
    make_notice,
    make_operator,
    make_person,
    make_picture,
    make_site,
    make_template,
    make_ticket,
    run_jobs,
)
from tests.factories.access import (
    make_credential,
    make_face,
    make_key,
    make_schedule,
)
from tests.factories.autop import make_commands
from tests.factories.cameras import make_camera, make_camera_picture
from tests.factories.filters import make_filter
from tests.factories.firmware import make_campaign, make_version
from tests.factories.locks import lock_ids
from tests.factories.remote import make_remote_session
from tests.portals.conftest import client_of
from tests.portals.routes import ELSEWHERE, PUBLIC, ROUTES

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def _routes(
    patterns: list[URLPattern | URLResolver], namespace: str = ""
) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            below = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from _routes(pattern.url_patterns, namespace + below)
        elif not getattr(pattern.callback, "__module__", "").startswith(ELSEWHERE):
            yield namespace + (pattern.name or str(pattern.pattern))


@dataclass(frozen=True)
class World:
    """Two of each kind; all ids belong to the first."""

    owners: dict[str, User]
    strangers: dict[str, User]
    # Of the first installer's company, without its owner's rights.
    others: dict[str, User]
    ids: dict[str, object]

    def url(self, name: str) -> str:
        owner = ROUTES[name].owner
        # What belongs to an account, not to a company, each owner has one of.
        own = {part: self.ids.get(f"{owner}.{part}") for part in ROUTES[name].ids}
        return reverse(name, args=[own[p] or self.ids[p] for p in ROUTES[name].ids])


@pytest.fixture
def world(db: None) -> World:
    distributor, other = make_distributor(), make_distributor()
    installer = make_installer(distributor=distributor)
    stranger = make_installer(distributor=other)
    site = make_site(installer)
    device = make_device(site, installer)
    make_bridge(site, installer)
    run_jobs()
    make_event(device, "motion")
    make_picture(device, installer)
    camera = make_camera(site, installer)
    make_camera_picture(camera, installer)
    relay = device.relays.get()
    command = request_open(
        actor=installer, relay=relay, channel=CommandChannel.PORTAL, now=utcnow()
    )
    operator = make_operator()
    sub = make_person(installer, Role.SUB_INSTALLER)
    community = make_community(installer)
    unit = make_device(community, installer)
    make_bridge(community, installer)
    make_picture(unit, installer)
    make_event(unit, "face_granted")
    manager = make_manager(installer, community)
    member = make_family_member(site, installer)
    owners = {
        "installer": installer,
        "manager": manager,
        "distributor": distributor,
        "operator": operator,
    }
    return World(
        owners=owners,
        # There is one operator; the stranger to his pages is an installer.
        strangers={
            "installer": stranger,
            "manager": make_manager(stranger, make_community(stranger)),
            "distributor": other,
            "operator": stranger,
        },
        others={"sub": sub.user, "manager": make_manager(installer)},
        ids={
            "company_kind": "installer",
            "operator.company_kind": "distributor",
            "people_kind": "team",
            "installer.people_kind": "managers",
            "operator.colleague_id": make_person(operator, Role.STAFF).pk,
            "distributor.colleague_id": make_person(distributor, Role.STAFF).pk,
            "part": "billing",
            "feature": "app",
            "import_id": make_import(installer).pk,
            "list_name": "audit",
            "manual_id": make_manual(operator).pk,
            "version_id": make_version().pk,
            **support_ids(installer, distributor),
            "announcement_id": make_announcement(operator).pk,
            **{
                f"{owner}.notice_id": make_notice(user, NoticeKind.PORTAL_ENTERED).pk
                for owner, user in owners.items()
                if owner != "manager"
            },
            "manager.notice_id": make_notice(manager, alone=True).pk,
            "community_id": community.pk,
            "manager.mac": unit.mac,
            **log_ids(installer, device),
            **{f"manager.{key}": pk for key, pk in log_ids(manager, unit).items()},
            "installer.colleague_id": sub.pk,
            "distributor.company_id": installer.membership.organization_id,
            "distributor.member_id": installer.membership.pk,
            "operator.company_id": installer.membership.organization_id,
            "operator.member_id": installer.membership.pk,
            "site_id": site.pk,
            "camera_id": camera.pk,
            **lock_ids(site, installer),
            "remote_session_id": make_remote_session(device, installer).pk,
            "reset_kind": "reset_factory",
            "push_module": "MD06",
            "autop_order_id": make_commands(installer, [device]).pk,
            "filter_id": make_filter(installer).pk,
            **upgrade_ids(installer, device),
            "resident_id": member.pk,
            **access_ids(member, device, installer),
            "mac": device.mac,
            "kind": "local",
            "number": 1,
            "command_id": command.pk,
            "mac_entry_id": make_mac(distributor).pk,
            "job_id": make_dead_letter().pk,
            "message_id": make_message(
                installer, send_at=utcnow() + timedelta(hours=1)
            ).pk,
            "template_id": make_template(installer).pk,
            **{
                f"{owner}.{part}": key
                for owner, user in owners.items()
                for part, key in make_account_rows(user).items()
            },
        },
    )


def access_ids(member: Resident, device: Device, installer: User) -> dict[str, object]:
    """What ``member`` opens with, and a key of the house."""
    rolling = CredentialKind.DYNAMIC_QR
    return {
        "credential_kind": "pin",
        "credential_id": make_credential(member, installer, rolling).pk,
        "face_id": make_face(member, installer).pk,
        "key_id": make_key(device, installer).pk,
        "schedule_id": make_schedule(device.site, installer).pk,
    }


def log_ids(user: User, device: Device) -> dict[str, object]:
    """The one visit at ``device``, its picture as ``user`` gets it, and a file of his."""
    return {
        "visit_id": LogEntry.objects.get(device=device).visit_id,
        "signed": sign_capture(make_capture(device).pk, user.pk),
        "export_id": make_export(user).pk,
    }


def upgrade_ids(installer: User, device: Device) -> dict[str, object]:
    """An upgrade of ``device`` that has not begun."""
    campaign = make_campaign(installer, [device], make_version("29.30.10.200"))
    return {
        "campaign_id": campaign.pk,
        "upgrade_id": campaign.upgrades.get().pk,
        "act": "stop",
    }


def support_ids(installer: User, distributor: User) -> dict[str, object]:
    """A ticket of each, with a file."""
    asked, passed_on = make_ticket(installer), make_ticket(distributor)
    return {
        "ticket_id": asked.pk,
        "attachment_id": asked.messages.get().attachments.get().pk,
        "operator.ticket_id": passed_on.pk,
        "operator.attachment_id": passed_on.messages.get().attachments.get().pk,
    }


def _call(user: User | None, url: str, *, post: bool) -> int:
    client = client_of(user) if user else Client()
    response = client.post(url) if post else client.get(url)
    if response.streaming:  # read to its end, the file is closed
        b"".join(response)
    return response.status_code


def _rows() -> tuple[int, ...]:
    """How many rows each table of ours has, in one query: it is asked very often."""
    ours = [m for m in apps.get_models() if m.__module__.startswith("portico.")]
    tables = [connection.ops.quote_name(model._meta.db_table) for model in ours]
    counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)  # noqa: S608 -- names
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}")
        return tuple(cursor.fetchone())


def test_every_route_stands_in_the_matrix() -> None:
    found = set(_routes(get_resolver().url_patterns))
    assert found == set(ROUTES) | PUBLIC


def _answers(
    world: World, names: Collection[str], call: Callable[[str], object]
) -> dict[str, object]:
    """What ``call`` gives for each route, each as if it were the only one."""
    found: dict[str, object] = {}
    for name in names:
        with transaction.atomic():
            found[name] = call(name)
            transaction.set_rollback(True)
    return found


def _status_and_change(user: User | None, url: str, *, post: bool) -> tuple[int, bool]:
    before = _rows()
    status = _call(user, url, post=post)
    return status, _rows() != before


def test_nobody_is_sent_to_sign_in_and_changes_nothing(world: World) -> None:
    for post in (False, True):
        found = _answers(
            world,
            ROUTES,
            lambda name, post=post: _status_and_change(  # type: ignore[misc]
                None, world.url(name), post=post
            ),
        )
        # A view that only takes POST says so before it asks who it is.
        assert found == {
            name: (405 if route.post and not post else 302, False)
            if found[name] != (302, False)
            else (302, False)
            for name, route in ROUTES.items()
        }


def test_a_strangers_object_does_not_exist_and_nothing_changes(world: World) -> None:
    def call(name: str) -> object:
        stranger = world.strangers[ROUTES[name].owner]
        return _status_and_change(stranger, world.url(name), post=True)

    closed = [
        name
        for name, route in ROUTES.items()
        if route.is_somebodys or route.owner == "operator"
    ]
    assert _answers(world, closed, call) == dict.fromkeys(closed, (404, False))

    def look(name: str) -> object:
        route = ROUTES[name]
        return _call(world.strangers[route.owner], world.url(name), post=route.post)

    found = _answers(world, ROUTES, look)
    assert found == {
        name: 404 if name in closed else route.status for name, route in ROUTES.items()
    }


def test_other_kinds_of_staff_find_no_page(world: World) -> None:
    for kind, user in world.owners.items():
        others = [name for name, route in ROUTES.items() if route.owner != kind]

        def call(name: str, user: User = user) -> object:
            return _status_and_change(user, world.url(name), post=ROUTES[name].post)

        assert _answers(world, others, call) == dict.fromkeys(others, (404, False))


def test_a_sub_installer_reaches_nothing_of_sites_that_are_not_his(
    world: World,
) -> None:
    def call(name: str) -> object:
        post = ROUTES[name].post
        return _status_and_change(world.others["sub"], world.url(name), post=post)

    # Library, templates and filters are the company's, the own account everybody's.
    templates = ("message_template_edit", "message_template_delete")
    filters = ("device_filter_edit", "device_filter_delete")
    mine = {f"installer:{name}" for name in ("mac_remove", *templates, *filters)}
    closed = [
        name
        for name, route in ROUTES.items()
        if route.owner == "installer"
        and (route.owner_only or (route.is_somebodys and name not in mine))
    ]
    assert _answers(world, closed, call) == dict.fromkeys(closed, (404, False))

    def look(name: str) -> object:
        post = ROUTES[name].post
        return _call(world.others["sub"], world.url(name), post=post)

    theirs = [
        name
        for name, route in ROUTES.items()
        if route.owner == "installer" and name not in closed
    ]
    expected = {name: ROUTES[name].status for name in theirs}
    assert _answers(world, theirs, look) == expected


def test_a_property_manager_finds_nothing_of_a_community_that_is_not_his(
    world: World,
) -> None:
    def call(name: str) -> object:
        post = ROUTES[name].post
        return _status_and_change(world.others["manager"], world.url(name), post=post)

    closed = [
        name
        for name, route in ROUTES.items()
        if route.owner != "manager" or route.is_somebodys
    ]
    assert _answers(world, closed, call) == dict.fromkeys(closed, (404, False))


def test_a_property_manager_finds_no_house(world: World) -> None:
    """Not even by a page of his own, with the ids of the company's houses."""
    parts = {"community_id": "site_id", "mac": "mac", "visit_id": "visit_id"}
    names = [
        name
        for name, route in ROUTES.items()
        if route.owner == "manager" and set(route.ids) & set(parts)
    ]

    def call(name: str) -> object:
        args = [world.ids[parts[part]] for part in ROUTES[name].ids]
        return _call(world.owners["manager"], reverse(name, args=args), post=False)

    assert len(names) == 9
    assert _answers(world, names, call) == dict.fromkeys(names, 404)


def test_the_owner_gets_an_answer(world: World) -> None:
    def call(name: str) -> object:
        route = ROUTES[name]
        return _call(world.owners[route.owner], world.url(name), post=route.post)

    expected = {name: route.status for name, route in ROUTES.items()}
    assert _answers(world, ROUTES, call) == expected


def test_a_stranger_leaves_no_audit_of_what_he_did_not_do(world: World) -> None:
    before = AuditEntry.objects.count()
    for name, route in ROUTES.items():
        if route.is_somebodys:
            _call(world.strangers[route.owner], world.url(name), post=True)
    assert AuditEntry.objects.count() == before
