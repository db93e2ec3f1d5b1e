"""A page in a real browser, with what went wrong on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Route, expect

from portico.accounts.models import User
from tests.e2e.stream import HintServer
from tests.factories import PASSWORD

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Axe reads style sheets in a way that the policy forbids; that is its own message.
_OWN_NOISE = re.compile(r"preload assets")


@dataclass
class Screen:
    """A page with what went wrong on it, and the stream of hints that it hears."""

    page: Page
    base: str
    server: HintServer
    complaints: list[str] = field(default_factory=list)
    line: str = field(default_factory=lambda: uuid4().hex)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.route("**/live/**", self.stream)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _OWN_NOISE.search(message.text):
            self.complaints.append(message.text)

    def stream(self, route: Route) -> None:
        """Let a page have its hints: of a quiet stream in place of the gateway's."""
        port = self.server.server_address[1]
        route.continue_(url=f"http://127.0.0.1:{port}/{self.line}")

    def hint(self, subject: str, **ids: object) -> None:
        """What the gateway tells the page that is open: ``subject`` changed."""
        expect(self.page.locator("body[data-stream=on]")).to_be_attached()
        told = {name: str(value) for name, value in ids.items()}
        self.server.tell(self.line, {"subject": subject} | told)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.base}{path}")

    def sign_in(self, user: User) -> None:
        self.open("/sign-in/")
        self.page.get_by_label("User name or email").fill(str(user.username))
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        expect(self.page.get_by_role("button", name="Log out")).to_be_visible()
        self.page.wait_for_load_state("load")


# Browsers that share nothing.
Screens = Callable[[], Screen]


def assert_fine(screen: Screen, path: str) -> None:
    """Open ``path``; see :func:`assert_shown_well`."""
    screen.open(path)
    assert_shown_well(screen, path)


def assert_shown_well(screen: Screen, path: str) -> None:
    """The page says nothing on the console, fits its width, and axe finds nothing.

    In light and dark: between them only colours change.
    """
    assert_fits(screen, path)
    # A form that waits for its answer is paler.
    expect(screen.page.locator("form.htmx-request")).to_have_count(0)
    _assert_axe_finds_nothing(screen, path)
    _take_scheme(screen, "dark")
    _assert_axe_finds_nothing(screen, path, "color-contrast")
    _take_scheme(screen, "light")
    screen.complaints.clear()


def _take_scheme(screen: Screen, scheme: Literal["dark", "light"]) -> None:
    screen.page.emulate_media(color_scheme=scheme)
    theme = screen.page.locator(f"html[data-bs-theme={scheme}]")
    expect(theme).to_be_attached()


_COLOURS_HAVE_CHANGED = """() => Promise.allSettled(document.getAnimations()
    .filter((one) => one instanceof CSSTransition).map((one) => one.finished))"""


def _assert_axe_finds_nothing(screen: Screen, path: str, *rules: str) -> None:
    """Of all rules, or of ``rules``."""
    page, options = screen.page, {"runOnly": rules} if rules else {}
    page.evaluate(_COLOURS_HAVE_CHANGED)
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(Axe().axe_script)
    run = "(options) => axe.run({resultTypes: ['violations'], ...options})"
    violations = page.evaluate(run, options)["violations"]
    found = [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in violations]
    assert found == [], f"{path} {rules} {found}"


def assert_fits(screen: Screen, path: str) -> None:
    """The page says nothing on the console, and is as wide as the screen at most."""
    screen.page.wait_for_load_state("load")
    assert screen.complaints == [], path
    width = screen.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0, f"{path} is {width} pixels too wide"


# Of a desk and of a phone.
WIDTHS = pytest.mark.parametrize("width", [1440, 390])


def take_width(screen: Screen, width: int) -> None:
    screen.page.set_viewport_size({"width": width, "height": 844})
