// Live values: hints from the server tell elements to fetch themselves anew.
//
// <div data-live="presence.changed:device=12 device.changed:device=12"
//      hx-get="…" hx-trigger="live">
//
// A hint carries ids only. While the stream is away, everything is refreshed slowly.

const POLL_MS = 15_000;
const LONGEST_PAUSE_MS = 30_000;
const GATHER_MS = 120;
const IN_USE_MS = 1_000;
const LEAVING_MS = 10_000;

const url = document.body.dataset.liveStream;
const due = new Set();
let gathering = 0;
let pause = 1_000;
let poll = 0;

const matches = (wish, hint) => {
  const [subject, conditions] = wish.split(":");
  if (subject !== hint.subject) return false;
  if (!conditions) return true;
  return conditions.split(",").every((condition) => {
    const [name, value] = condition.split("=");
    return String(hint[name]) === value;
  });
};

// Nothing is replaced under somebody's hand: a menu that is open waits to be closed, a
// button that is being pressed to be let go.
const isInUse = (element) =>
  element.querySelector(":popover-open, dialog[open], :active") !== null;

const flush = () => {
  gathering = 0;
  for (const element of due) {
    if (element.isConnected && isInUse(element)) continue;
    due.delete(element);
    if (element.isConnected) window.htmx.trigger(element, "live");
  }
  if (due.size) gathering = window.setTimeout(flush, IN_USE_MS);
};

const refresh = (elements) => {
  for (const element of elements) due.add(element);
  gathering ||= window.setTimeout(flush, GATHER_MS);
};

// Nor is what was taken into use while the answer was on its way.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig } = event.detail;
  const asked = requestConfig?.elt;
  if (!asked?.matches("[data-live]")) return;
  const active = document.activeElement;
  focused = target.contains(active) ? placeOf(active) : null;
  if (!isInUse(target)) return;
  event.detail.shouldSwap = false;
  refresh([asked]);
});

// Who works by keyboard stays where he is, although it is another element now: the one
// that is like it and nearest to its place, or whatever stands in its place.
const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";
const ATTRIBUTES = ["id", "href", "name", "value", "aria-label"];
let focused = null;

const likeness = (element) =>
  [element.tagName, ...ATTRIBUTES.map((name) => element.getAttribute(name))].join("\n");

const placeOf = (element) => ({
  like: likeness(element),
  index: [...document.querySelectorAll(FOCUSABLE)].indexOf(element),
});

const focusAgain = ({ like, index }) => {
  const all = [...document.querySelectorAll(FOCUSABLE)];
  const distance = (element) => Math.abs(all.indexOf(element) - index);
  const same = all.filter((element) => likeness(element) === like);
  same.sort((one, other) => distance(one) - distance(other));
  const found = same[0] ?? all[Math.min(index, all.length - 1)];
  found?.focus({ preventScroll: true });
};

document.addEventListener("htmx:afterSwap", () => {
  if (focused && document.activeElement === document.body) focusAgain(focused);
  focused = null;
});

// Who has sent a form is leaving: an answer to something else leads nowhere any more. To
// one who logs out it would say "sign in, and come back here".
let leaving = 0;
window.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.matches("[hx-post]")) return;
  if (form.target === "_blank") return; // it leads to another tab
  window.clearTimeout(leaving);
  leaving = window.setTimeout(() => { leaving = 0; }, LEAVING_MS);
});
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (leaving) event.preventDefault();
});

const NOT_OVER = "[data-live]:not(.log [data-live]:not([data-moves]))";

const all = () => document.querySelectorAll("[data-live]");

const hinted = (hint) => {
  refresh([...all()].filter((element) =>
    element.dataset.live.split(/\s+/).some((wish) => matches(wish, hint))));
};

const startPolling = () => {
  poll ||= window.setInterval(() => {
    if (!document.hidden) refresh(all());
  }, POLL_MS);
};

const stopPolling = () => {
  window.clearInterval(poll);
  poll = 0;
};

const connect = () => {
  const stream = new EventSource(url);
  stream.addEventListener("open", () => {
    pause = 1_000;
    // Hints were missed while the stream was away, or while the page was on its way; in
    // the latter case of a log only the pill asks, and cards that are still on the move.
    refresh(poll ? all() : document.querySelectorAll(NOT_OVER));
    stopPolling();
    document.body.dataset.stream = "on";
  });
  stream.addEventListener("hint", (event) => hinted(JSON.parse(event.data)));
  stream.addEventListener("resync", () => refresh(all()));
  stream.addEventListener("error", () => {
    document.body.dataset.stream = "off";
    startPolling();
    if (stream.readyState !== EventSource.CLOSED) return;
    window.setTimeout(connect, pause * (0.5 + Math.random() / 2));
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  });
  window.addEventListener("pagehide", () => stream.close(), { once: true });
};

// A page that comes back from the browser's memory has a closed stream and old values.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});

if (url) connect();
