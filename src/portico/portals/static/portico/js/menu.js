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
  menu.querySelector("a, button")?.focus({ preventScroll: true });
}, true);

document.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const menu = document.activeElement?.closest(".menu");
  if (!menu) return;
  event.preventDefault();
  const items = [...menu.querySelectorAll("a, button")];
  const step = event.key === "ArrowDown" ? 1 : -1;
  const at = items.indexOf(document.activeElement);
  items[(at + step + items.length) % items.length].focus();
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
