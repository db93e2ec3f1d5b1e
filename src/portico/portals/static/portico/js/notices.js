// Short messages that appear beside the work: refusals, lost connections.

const STAY_MS = 7_000;

const show = ({ text, kind }) => {
  const region = document.getElementById("notices");
  const note = document.createElement("div");
  note.className = `notice notice-${kind}`;
  note.textContent = text;
  region.append(note);
  window.setTimeout(() => note.remove(), STAY_MS);
};

const words = document.getElementById("notices")?.dataset ?? {};

document.addEventListener("portico:notice", (event) => show(event.detail));
document.addEventListener("htmx:sendError", (event) => {
  if (!event.detail.elt.matches("[data-live]")) show({ text: words.offline, kind: "bad" });
});
document.addEventListener("htmx:responseError", (event) => {
  const { elt, xhr } = event.detail;
  const isTold = xhr.getResponseHeader("HX-Trigger") !== null;
  if (xhr.status >= 500 && !isTold && !elt.matches("[data-live]")) {
    show({ text: words.fault, kind: "bad" });
  }
});
