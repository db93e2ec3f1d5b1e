from __future__ import annotations

import json
import threading
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.test import Client

from portico.accounts.models import User
from portico.kernel.bus import publish
from portico.kernel.clock import utcnow
from portico.sites.models import ManagedCommunity, Site
from portico.tenancy.selectors import VISIT_KEY
from portico.tenancy.services.companies import offer_access
from portico.tenancy.services.portal_visits import enter_portal, grant_access
from tests.factories import (
    make_community,
    make_distributor,
    make_installer,
    make_manager,
    make_site,
    organization_of,
)
from tests.gateway.server import RunningGateway
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]


def cookies_of(user: User) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    return {settings.SESSION_COOKIE_NAME: client.session.session_key or ""}


class Stream:
    """A browser's event stream, read in a thread."""

    def __init__(self, gateway: RunningGateway, path: str, user: User | None) -> None:
        self.hints: list[dict[str, Any]] = []
        self.lines: list[str] = []
        cookies = cookies_of(user) if user else {}
        self._client = httpx.Client(cookies=cookies, trust_env=False, timeout=20)
        request = self._client.build_request("GET", f"{gateway.base}{path}")
        self.answer = self._client.send(request, stream=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        assert self.answer.is_success
        self._thread.start()

    def _read(self) -> None:
        for line in self.answer.iter_lines():
            self.lines.append(line)
            if line.startswith("data: {") and line != "data: {}":
                self.hints.append(json.loads(line.removeprefix("data: ")))

    @property
    def has_ended(self) -> bool:
        return not self._thread.is_alive()

    def close(self) -> None:
        self.answer.close()
        self._client.close()


@pytest.fixture
def installer(gateway: RunningGateway) -> User:
    del gateway
    return make_installer()


def test_hints_of_own_sites_arrive_and_of_others_never(
    gateway: RunningGateway, installer: User
) -> None:
    mine, theirs = make_site(installer), make_site(make_installer())
    stream = Stream(gateway, "/live/all", installer)
    eventually(lambda: stream.lines)
    publish("presence.changed", site=str(theirs.pk), device=1, online=True)
    publish("presence.changed", site=str(mine.pk), device=2, online=True)
    publish("jobs.waiting")

    eventually(lambda: stream.hints)
    assert [hint["device"] for hint in stream.hints] == [2]
    stop(gateway, stream)


def stop(gateway: RunningGateway, *streams: Stream) -> None:
    gateway.end_streams()
    for stream in streams:
        eventually(lambda: stream.has_ended)  # noqa: B023
        stream.close()


def test_stream_of_one_site_hears_that_site_only(
    gateway: RunningGateway, installer: User
) -> None:
    first, second = make_site(installer), make_site(installer)
    stream = Stream(gateway, f"/live/site/{first.pk}", installer)
    eventually(lambda: stream.lines)
    for site in (second, first):
        publish("log.changed", site=str(site.pk), entry=1)

    eventually(lambda: stream.hints)
    assert [hint["site"] for hint in stream.hints] == [str(first.pk)]
    stop(gateway, stream)


def test_without_a_session_it_is_401_and_a_foreign_site_404(
    gateway: RunningGateway, installer: User
) -> None:
    foreign = make_site(make_installer())
    mine = cookies_of(installer)

    def status(path: str, cookies: dict[str, str]) -> int:
        with httpx.Client(cookies=cookies, trust_env=False) as client:
            return client.get(f"{gateway.base}{path}").status_code

    codes = [
        status("/live/all", {}),
        status(f"/live/site/{foreign.pk}", mine),
        status("/live/site/nonsense", mine),
    ]

    assert codes == [401, 404, 404]


def test_stream_ends_after_the_sign_out(
    gateway: RunningGateway, installer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portico.gateway.live.RECHECK_SECONDS", 0.1)
    monkeypatch.setattr("portico.gateway.live.BEAT_SECONDS", 0.1)
    stream = Stream(gateway, "/live/all", installer)
    eventually(lambda: stream.lines)
    User.objects.filter(pk=installer.pk).update(is_active=False)

    eventually(lambda: stream.has_ended)
    stream.close()


def test_a_visitor_hears_of_the_house_while_the_visit_holds(
    gateway: RunningGateway,
) -> None:
    dana = make_distributor()
    installer = make_installer(distributor=dana)
    site, now = make_site(installer), utcnow()
    company = organization_of(installer)
    offer_access(actor=dana, company=company, offered=True, now=now)
    grant_access(actor=installer, granted=True, now=now)
    client = Client()
    client.force_login(dana)
    session = client.session
    session[VISIT_KEY] = enter_portal(actor=dana, company=company, now=now).pk
    session.save()
    cookies = {settings.SESSION_COOKIE_NAME: session.session_key or ""}
    url = f"{gateway.base}/live/site/{site.pk}"

    def status() -> int:
        with httpx.stream("GET", url, cookies=cookies, trust_env=False) as answer:
            return answer.status_code

    assert status() == 200
    grant_access(actor=installer, granted=False, now=now)
    assert status() == 404


def test_a_property_manager_hears_of_his_communities_what_he_may_see(
    gateway: RunningGateway, installer: User
) -> None:
    seen, quiet = make_community(installer), make_community(installer)
    foreign, house = make_community(installer), make_site(installer)
    manager = make_manager(installer, seen)
    ManagedCommunity.objects.create(
        site=quiet, user=manager, may_see_logs=False, assigned_at=utcnow()
    )
    everywhere = Stream(gateway, "/live/all", manager)
    of_one = Stream(gateway, f"/live/site/{quiet.pk}", manager)
    eventually(lambda: everywhere.lines and of_one.lines)
    subjects = ["file.published", "command.changed", "log.changed", "device.changed"]
    for subject in [*subjects, "presence.changed"]:
        for site in (foreign, house, quiet, seen):
            publish(subject, site=str(site.pk), device=1, online=True)

    def heard(stream: Stream, site: Site) -> list[str]:
        return [h["subject"] for h in stream.hints if h["site"] == str(site.pk)]

    eventually(lambda: "presence.changed" in heard(everywhere, seen))
    eventually(lambda: "presence.changed" in heard(of_one, quiet))
    both = ["device.changed", "presence.changed"]
    assert heard(everywhere, seen) == ["log.changed", *both]
    assert heard(everywhere, quiet) == heard(of_one, quiet) == both
    assert len(everywhere.hints) == 5
    assert len(of_one.hints) == 2
    cookies = cookies_of(manager)
    with httpx.Client(cookies=cookies, trust_env=False) as client:
        for site in (foreign, house):
            answer = client.get(f"{gateway.base}/live/site/{site.pk}")
            assert answer.status_code == 404
    stop(gateway, everywhere, of_one)


def test_notices_are_heard_in_their_company_alone(
    gateway: RunningGateway, installer: User
) -> None:
    company = organization_of(installer).pk
    other = organization_of(make_installer()).pk
    site = make_site(installer)
    everywhere = Stream(gateway, "/live/all", installer)
    on_a_site = Stream(gateway, f"/live/site/{site.pk}", installer)
    distributor = Stream(gateway, "/live/all", make_distributor())
    streams = (everywhere, on_a_site, distributor)
    eventually(lambda: all(stream.lines for stream in streams))
    publish("notices.changed", organization=other)
    publish("notices.changed")
    publish("notices.changed", site=str(site.pk))
    publish("notices.changed", organization=company)
    publish("notices.changed", organization=None)

    eventually(lambda: all(stream.hints for stream in streams))
    eventually(lambda: len(everywhere.hints) == 2)
    heard = [[hint["organization"] for hint in one.hints] for one in streams]
    assert heard == [[company, None], [company, None], [None]]
    stop(gateway, *streams)


def test_upgrades_are_heard_in_their_company_alone(
    gateway: RunningGateway, installer: User
) -> None:
    company = organization_of(installer).pk
    other = organization_of(make_installer()).pk
    everywhere = Stream(gateway, "/live/all", installer)
    distributor = Stream(gateway, "/live/all", make_distributor())
    eventually(lambda: everywhere.lines and distributor.lines)
    publish("upgrade.changed", campaign="a", organization=other)
    publish("upgrade.changed", campaign="b")
    publish("upgrade.changed", campaign="c", organization=None)
    publish("upgrade.changed", campaign="d", organization=company)
    publish("notices.changed", organization=None)

    eventually(lambda: len(everywhere.hints) == 2 and distributor.hints)
    assert [hint.get("campaign") for hint in everywhere.hints] == ["d", None]
    assert [hint["subject"] for hint in distributor.hints] == ["notices.changed"]
    stop(gateway, everywhere, distributor)


def test_other_hints_need_a_site_even_when_they_name_the_company(
    gateway: RunningGateway, installer: User
) -> None:
    company = organization_of(installer).pk
    stream = Stream(gateway, "/live/all", installer)
    eventually(lambda: stream.lines)
    publish("log.changed", organization=company, entry=1)
    publish("notices.changed", organization=company)
    eventually(lambda: stream.hints)
    assert [hint["subject"] for hint in stream.hints] == ["notices.changed"]
    stop(gateway, stream)
