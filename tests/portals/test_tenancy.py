"""Every route of the pages, as nobody, as a stranger and as the owner (ORG-5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.enums import CommandChannel
from portico.devices.services.commands import request_open
from portico.events.models import LogEntry
from portico.kernel.clock import utcnow
from tests.factories import (
    make_bridge,
    make_dead_letter,
    make_device,
    make_distributor,
    make_event,
    make_installer,
    make_mac,
    make_operator,
    make_site,
    run_jobs,
)
from tests.portals.conftest import client_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@dataclass(frozen=True)
class Route:
    """How a route is called: by whom it is owned, with which ids, by which method."""

    owner: str
    ids: tuple[str, ...] = ()
    post: bool = False
    # Without ids of anybody: strangers of the same kind see their own, empty page.
    status: int = 200


_SITE, _DEVICE = ("site_id",), ("mac",)
_COMMON = ("setting", "password", "notifications", "privacy")
ROUTES: dict[str, Route] = {
    "installer:dashboard": Route("installer"),
    "installer:latest": Route("installer"),
    "installer:sites": Route("installer"),
    "installer:site_new": Route("installer"),
    "installer:site": Route("installer", _SITE),
    "installer:site_devices": Route("installer", _SITE),
    "installer:device_new": Route("installer", _SITE),
    "installer:site_doors": Route("installer", _SITE),
    "installer:site_bridge": Route("installer", _SITE),
    "installer:bridge_add": Route("installer", _SITE, post=True, status=409),
    "installer:bridge_remove": Route("installer", _SITE),
    "installer:demo_bridge": Route("installer", _SITE, post=True, status=404),
    "installer:site_log": Route("installer", _SITE),
    "installer:devices": Route("installer"),
    "installer:device": Route("installer", _DEVICE),
    "installer:device_head": Route("installer", _DEVICE),
    "installer:device_trail": Route("installer", _DEVICE),
    "installer:device_doors": Route("installer", _DEVICE),
    "installer:device_file": Route("installer", _DEVICE),
    "installer:device_reveal": Route("installer", _DEVICE, post=True),
    "installer:device_events": Route("installer", _DEVICE),
    "installer:device_edit": Route("installer", _DEVICE),
    "installer:device_delete": Route("installer", _DEVICE),
    "installer:demo_unit": Route("installer", _DEVICE, post=True, status=404),
    "installer:demo_act": Route("installer", _DEVICE, post=True, status=404),
    "installer:open_door": Route(
        "installer", ("mac", "kind", "number"), post=True, status=302
    ),
    "installer:command": Route("installer", ("command_id",)),
    "installer:log": Route("installer"),
    "installer:log_entry": Route("installer", ("entry_id",)),
    "installer:mac_library": Route("installer"),
    "installer:mac_remove": Route("installer", ("mac_entry_id",)),
    **{
        f"installer:{name}": Route("installer")
        for name in (
            "users",
            "firmware",
            "upgrade",
            "message",
            "subscriptions",
            "payments",
            "automatic_payments",
            "integration",
        )
    },
    "distributor:dashboard": Route("distributor"),
    "distributor:mac_library": Route("distributor"),
    "distributor:mac_add": Route("distributor"),
    "distributor:mac_import": Route("distributor"),
    "distributor:mac_load": Route("distributor", post=True, status=302),
    "distributor:mac_template": Route("distributor"),
    "distributor:mac_export": Route("distributor"),
    "distributor:mac_remove": Route("distributor", ("mac_entry_id",)),
    "operator:dashboard": Route("operator"),
    "operator:health": Route("operator"),
    "operator:app_api": Route("operator"),
    "operator:dead_letters": Route("operator"),
    "operator:letter_retry": Route("operator", ("job_id",), post=True, status=302),
    "operator:letter_discard": Route("operator", ("job_id",)),
    **{
        f"{portal}:{name}": Route(portal)
        for portal in ("installer", "distributor", "operator")
        for name in _COMMON
    },
}
# Open to everybody; their own tests say what they show to whom.
PUBLIC = {"home", "account_login", "account_logout", "sign_in_once"}
# Served by other packages, which have a matrix of their own.
ELSEWHERE = ("portico.appapi",)


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
    ids: dict[str, object]

    def url(self, name: str) -> str:
        args = [self.ids[part] for part in ROUTES[name].ids]
        return reverse(name, args=args)


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
    relay = device.relays.get()
    command = request_open(
        actor=installer, relay=relay, channel=CommandChannel.PORTAL, now=utcnow()
    )
    operator = make_operator()
    return World(
        owners={
            "installer": installer,
            "distributor": distributor,
            "operator": operator,
        },
        # There is one operator; the stranger to his pages is an installer.
        strangers={
            "installer": stranger,
            "distributor": other,
            "operator": stranger,
        },
        ids={
            "site_id": site.pk,
            "mac": device.mac,
            "kind": "local",
            "number": 1,
            "command_id": command.pk,
            "entry_id": LogEntry.objects.get().pk,
            "mac_entry_id": make_mac(distributor).pk,
            "job_id": make_dead_letter().pk,
        },
    )


def _call(user: User | None, url: str, *, post: bool) -> int:
    client = client_of(user) if user else Client()
    response = client.post(url) if post else client.get(url)
    return response.status_code


def _rows() -> dict[str, int]:
    ours = [m for m in apps.get_models() if m.__module__.startswith("portico.")]
    return {model.__name__: model._default_manager.count() for model in ours}


def test_every_route_stands_in_the_matrix() -> None:
    found = set(_routes(get_resolver().url_patterns))
    assert found == set(ROUTES) | PUBLIC


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_nobody_is_sent_to_sign_in_and_changes_nothing(world: World, name: str) -> None:
    url, before = world.url(name), _rows()
    for post in (False, True):
        status = _call(None, url, post=post)
        # A view that only takes POST says so before it asks who it is.
        assert status == 302 or (status == 405 and ROUTES[name].post and not post)
    assert _rows() == before


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_a_strangers_object_does_not_exist_and_nothing_changes(
    world: World, name: str
) -> None:
    route = ROUTES[name]
    stranger, before = world.strangers[route.owner], _rows()
    expected = {404} if route.ids or route.owner == "operator" else {200, route.status}
    assert _call(stranger, world.url(name), post=route.post) in expected
    if route.ids:
        assert _call(stranger, world.url(name), post=True) == 404
        assert _rows() == before


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_other_kinds_of_staff_find_no_page(world: World, name: str) -> None:
    route, before = ROUTES[name], _rows()
    for kind, user in world.owners.items():
        if kind != route.owner:
            assert _call(user, world.url(name), post=route.post) == 404
    assert _rows() == before


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_the_owner_gets_an_answer(world: World, name: str) -> None:
    route = ROUTES[name]
    owner = world.owners[route.owner]
    assert _call(owner, world.url(name), post=route.post) == route.status


def test_a_stranger_leaves_no_audit_of_what_he_did_not_do(world: World) -> None:
    before = AuditEntry.objects.count()
    for name, route in ROUTES.items():
        if route.ids:
            _call(world.strangers[route.owner], world.url(name), post=True)
    assert AuditEntry.objects.count() == before
