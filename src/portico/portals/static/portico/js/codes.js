// Codes: what is pasted keeps its digits only, and "Send a new code" waits for its time.

document.addEventListener("paste", (event) => {
  const field = event.target;
  if (!field.matches?.("[data-code]")) return;
  const text = event.clipboardData?.getData("text") ?? "";
  const digits = text.replace(/[^0-9]/g, "");
  if (!digits) return;
  event.preventDefault();
  field.value = digits;
});

const waitFor = (button) => {
  const until = Date.now() + Number(button.dataset.wait) * 1_000;
  const shown = button.querySelector("[data-wait-shown]");
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1_000);
    button.disabled = left > 0;
    shown.hidden = left <= 0;
    shown.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (left > 0) window.setTimeout(tick, 250);
  };
  tick();
};

for (const button of document.querySelectorAll("[data-wait]")) waitFor(button);
