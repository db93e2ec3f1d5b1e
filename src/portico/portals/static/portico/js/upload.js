// Large files: how much of one has left, and that the rest takes its time on the server.

const stateOf = (element) => element.closest?.("form[data-upload]")?.querySelector("[data-upload-state]");

const show = (state, percent) => {
  const bar = state.querySelector("progress");
  const words = state.querySelector("[role=status]");
  const { sending, checking } = words.dataset;
  state.hidden = false;
  const text = percent < 100 ? `${percent} % ${sending}` : checking;
  if (words.textContent !== text) words.textContent = text;
  if (percent < 100) bar.value = percent;
  else bar.removeAttribute("value");
};

document.addEventListener("htmx:xhr:progress", (event) => {
  const state = stateOf(event.target);
  const { loaded, total, lengthComputable } = event.detail;
  if (state && lengthComputable) show(state, Math.floor((100 * loaded) / total));
});

// The answer to the upload, too, comes in pieces; and after a fault nothing is under way.
for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    const state = stateOf(event.target);
    if (state) state.hidden = true;
  });
}

// Manufacturers name images by their version: what is typed already wins.
document.addEventListener("change", (event) => {
  const field = event.target;
  const version = field.form?.elements.version;
  if (!field.matches("[data-upload] [type=file]") || !version || version.value) return;
  version.value = field.files[0]?.name.match(/\d{1,5}(\.\d{1,5}){2,4}/)?.[0] ?? "";
});
