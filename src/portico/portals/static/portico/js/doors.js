// Every press of Open is one order, named by a key made here: whatever happens on the
// way, the same key never opens twice. A double click is one press.

const DOUBLE_CLICK_MS = 700;
const pressed = new Map();

// randomUUID exists on secure pages only; a portal in a home network may be plain HTTP.
const newKey = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
};

document.addEventListener("htmx:configRequest", (event) => {
  const { elt, parameters, path } = event.detail;
  if (!elt.matches("form[data-open]")) return;
  const before = pressed.get(path);
  const again = before && Date.now() - before.at < DOUBLE_CLICK_MS;
  const press = again ? before : { key: newKey(), at: Date.now() };
  pressed.set(path, press);
  parameters.key = press.key;
});
