from __future__ import annotations

from datetime import timedelta

import pytest

from portico.devices.models import Bridge
from portico.devices.services import bridges
from portico.kernel.clock import utcnow
from tests.factories import make_bridge, make_installer, make_site

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def bridge() -> Bridge:
    installer = make_installer()
    return make_bridge(make_site(installer), installer)


def test_bridge_that_was_given_up_is_mended_by_the_next_touch(bridge: Bridge) -> None:
    later = utcnow() + timedelta(minutes=5)
    assert bridges.forget_dead_sessions(older_than=later) == 1
    bridge.refresh_from_db()
    assert not bridge.is_online

    bridges.touch_sessions(sessions=[bridge.session], now=later)
    bridge.refresh_from_db()
    assert (bridge.is_online, bridge.last_seen_at) == (True, later)


def test_removed_bridge_is_neither_touched_nor_begun_again(bridge: Bridge) -> None:
    member = bridge.site.organization.memberships.get().user
    session = bridge.session
    bridges.remove_bridge(actor=member, bridge=bridge, now=utcnow())
    bridges.touch_sessions(sessions=[session], now=utcnow())
    begun = bridges.begin_session(
        bridge=bridge, session="new", lan_url="", version="1", now=utcnow()
    )

    assert not begun
    assert not Bridge.objects.get().is_online


def test_end_of_an_older_session_leaves_the_newer_one_online(bridge: Bridge) -> None:
    bridges.begin_session(
        bridge=bridge, session="newer", lan_url="", version="1", now=utcnow()
    )
    bridges.end_session(bridge=bridge, session=bridge.session, now=utcnow())

    found = Bridge.objects.get()
    assert (found.is_online, found.session) == (True, "newer")
