"""Pages by keyboard alone: on every step the focus is seen, and the Tab key goes on."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.waiting import eventually

# More than any page has to walk over.
_MOST_STEPS = 150
# What the focus is on, and whether anybody can see it: a ring, not under the bar.
_SEEN = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return "";
  const ring = (style) => style.boxShadow !== "none"
    || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0);
  const box = element.getBoundingClientRect();
  const after = getComputedStyle(element, "::after");
  const hasAfter = after.content !== "none" && after.content !== "normal";
  const seen = ring(getComputedStyle(element)) || (hasAfter && ring(after));
  const inside = box.bottom > 0 && box.top < innerHeight
    && box.right > 0 && box.left < innerWidth && box.width > 0 && box.height > 0;
  if (seen && inside) return "";
  return `${element.outerHTML.slice(0, 200)} ring ${seen} inside ${inside}`;
}"""


def assert_focus_is_seen(page: Page) -> None:
    unseen = page.evaluate(_SEEN)
    if unseen:  # the page may still be scrolling to it
        eventually(lambda: not page.evaluate(_SEEN), unseen)


def tab(page: Page, key: str = "Tab") -> None:
    """One step; the focus is seen after it."""
    page.keyboard.press(key)
    assert_focus_is_seen(page)


def has_focus(target: Locator) -> bool:
    return bool(target.evaluate("element => element === document.activeElement"))


def walk_to(page: Page, target: Locator) -> None:
    """Press Tab until ``target`` has the focus."""
    expect(target).to_be_enabled()
    way = []
    for _ in range(_MOST_STEPS):
        if has_focus(target):
            return
        tab(page)
        way.append(page.evaluate("document.activeElement.outerHTML.slice(0, 60)"))
    raise AssertionError(f"no way to {target} with the Tab key: {way[-80:]}")


def type_at(page: Page, label: str, text: str) -> None:
    """Walk to the field and type; what is in it is replaced."""
    walk_to(page, page.get_by_label(label, exact=True))
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)


def press(page: Page, name: str) -> None:
    """Walk to the button and press Enter."""
    walk_to(page, page.get_by_role("button", name=name, exact=True))
    page.keyboard.press("Enter")


def follow(page: Page, name: str) -> None:
    """Walk to the link, press Enter, and wait for the page it leads to."""
    walk_to(page, page.get_by_role("link", name=name, exact=True).first)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def choose(page: Page, label: str, text: str) -> None:
    """Walk to the select and type the beginning of what is wanted."""
    walk_to(page, page.get_by_label(label, exact=True))
    page.keyboard.type(text)


def tick(page: Page, label: str) -> None:
    """Walk to the box and press the space bar."""
    walk_to(page, page.get_by_label(label, exact=True))
    page.keyboard.press("Space")


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)
    # The heading may be there before the scripts are.
    page.wait_for_load_state("load")


def assert_no_trap(page: Page) -> None:
    """The Tab key leads through the whole page and out of it, and back in again."""
    page.evaluate("document.activeElement?.blur()")
    for key in ("Tab", "Shift+Tab"):
        tab(page, key)
        first = page.evaluate_handle("document.activeElement")
        seen = 1
        while True:
            tab(page, key)
            if page.evaluate(
                "e => [e, document.body].includes(document.activeElement)", first
            ):
                break
            seen += 1
            assert seen < _MOST_STEPS, f"{key} does not come round"
        assert seen > 5, f"{key} comes round after {seen} steps"
