// Keeps "3 min ago", "in 2 days" and "12:07 left" true.

const STEPS = [
  [60, 1, "s"],
  [3_600, 60, "min"],
  [86_400, 3_600, "h"],
];

const span = (seconds) => {
  for (const [below, unit, name] of STEPS) {
    if (seconds < below) return `${Math.floor(seconds / unit)} ${name}`;
  }
  const days = Math.floor(seconds / 86_400);
  return `${days} ${days === 1 ? "day" : "days"}`;
};

const age = (seconds) => {
  if (Math.abs(seconds) < 5) return "just now";
  return seconds < 0 ? `in ${span(-seconds)}` : `${span(seconds)} ago`;
};

// A browser's clock may be wrong; the page says when it was made.
const made = Number(document.body.dataset.now);
const ahead = made ? Date.now() - made : 0;

const tick = () => {
  const now = Date.now() - ahead;
  for (const element of document.querySelectorAll("time[data-ago]")) {
    const seconds = (now - Date.parse(element.dateTime)) / 1_000;
    const text = age(seconds);
    if (element.textContent !== text) element.textContent = text;
  }
};

const countDown = () => {
  const now = Date.now() - ahead;
  for (const element of document.querySelectorAll("time[data-left]")) {
    const seconds = Math.max(0, Math.round((Date.parse(element.dateTime) - now) / 1_000));
    const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    element.textContent = element.textContent.replace(/^[\d:]+/, clock);
  }
};
window.setInterval(countDown, 1_000);

if (document.documentElement.lang.startsWith("en")) window.setInterval(tick, 5_000);
