// Keyboard: "/" searches, "g s" and "g d" go, "?" lists the shortcuts.

const WAIT_MS = 1_200;
let wentAt = 0;

const isTyping = (target) =>
  target.closest("input, textarea, select, [contenteditable=true]") !== null;

const search = () => {
  const field = document.querySelector("[data-search]");
  if (field) {
    field.focus();
    field.select();
  } else {
    go("s");
  }
};

const go = (key) => {
  const link = document.querySelector(`[data-go="${key}"]`);
  if (link) window.location.assign(link.href);
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const second = Date.now() - wentAt < WAIT_MS;
  wentAt = 0;
  if (second && /^[a-z]$/.test(event.key)) {
    go(event.key);
  } else if (event.key === "g") {
    wentAt = Date.now();
  } else if (event.key === "/") {
    event.preventDefault();
    search();
  } else if (event.key === "?") {
    document.getElementById("shortcuts")?.showModal();
  }
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
  // A click beside a dialog closes it.
  if (event.target instanceof HTMLDialogElement) event.target.close();
});
