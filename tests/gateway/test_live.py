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
from tests.factories import make_installer, make_site
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
