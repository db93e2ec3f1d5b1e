// Menus are popovers; this puts them under their button and lets arrow keys walk.

const place = (menu, button) => {
  const anchor = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = Math.max(8, Math.min(anchor.right - width, window.innerWidth - width - 8));
  const below = anchor.bottom + 6;
  const fits = below + height < window.innerHeight - 8;
  menu.style.left = `${left}px`;
  menu.style.top = `${fits ? below : Math.max(8, anchor.top - height - 6)}px`;
};

const buttonOf = (menu) => document.querySelector(`[popovertarget="${menu.id}"]`);

document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.classList?.contains("menu")) return;
  const button = buttonOf(menu);
  const isOpen = event.newState === "open";
  button?.setAttribute("aria-expanded", String(isOpen));
  if (!isOpen || !button) return;
  place(menu, button);
  menu.querySelector("a, button, input:not([type=hidden])")?.focus({ preventScroll: true });
}, true);

const STEPS = {
  ArrowDown: (at) => at + 1,
  ArrowUp: (at) => at - 1,
  Home: () => 0,
  End: () => -1,
};

document.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  const active = document.activeElement;
  if (!step || !active) return;
  const menu = active.closest(".menu");
  if (menu && !active.matches("input, select, textarea")) {
    event.preventDefault();
    const items = [...menu.querySelectorAll("a, button")];
    items.at(step(items.indexOf(active)) % items.length).focus();
  } else if (event.key === "ArrowDown" && active.matches("[popovertarget][aria-haspopup]")) {
    event.preventDefault();
    document.getElementById(active.getAttribute("popovertarget"))?.showPopover({ source: active });
  }
});

// An open menu stays with its button, and goes with it when that leaves the screen.
window.addEventListener("scroll", () => {
  for (const menu of document.querySelectorAll(".menu:popover-open")) {
    const button = buttonOf(menu);
    const { top, bottom } = button?.getBoundingClientRect() ?? { top: 0, bottom: 0 };
    if (bottom <= 0 || top >= window.innerHeight) menu.hidePopover();
    else place(menu, button);
  }
}, { passive: true });
