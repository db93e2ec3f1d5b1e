from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.e2e.pages import House, make_house
from tests.e2e.screen import ARGUMENTS, CHROMIUM, Screen, Screens
from tests.e2e.stream import HintServer, hint_server
from tests.waiting import LONGEST_SECONDS

# Five seconds are short for a busy machine.
expect.set_options(timeout=LONGEST_SECONDS * 1_000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module's tests."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # The driver keeps an event loop in this thread; queries are still ours.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def hints() -> Iterator[HintServer]:
    with hint_server() as server:
        yield server


@pytest.fixture
def screens(
    chromium: Browser, live_server: LiveServer, hints: HintServer
) -> Iterator[Screens]:
    """Browsers that share nothing."""
    contexts = []

    def another() -> Screen:
        context = chromium.new_context(viewport={"width": 1440, "height": 900})
        contexts.append(context)
        context.set_default_timeout(LONGEST_SECONDS * 1_000)
        return Screen(context.new_page(), live_server.url, hints)

    yield another
    for context in contexts:
        for page in context.pages:
            # An answer that is still on its way is nobody's any more.
            page.unroute_all(behavior="ignoreErrors")
        context.close()


@pytest.fixture
def screen(screens: Screens) -> Screen:
    return screens()


@pytest.fixture
def house(transactional_db: None) -> House:
    return make_house()
