// Small helps in forms: MACs are grouped as typed, a country brings its dial code,
// long submits show that they run, secrets and addresses can be copied.

const groupMac = (field) => {
  const digits = field.value.replace(/[^0-9a-f]/gi, "").toUpperCase().slice(0, 12);
  // Anything that is no MAC in the making is left as typed: the server says what is wrong.
  if (!/^[0-9a-f:.\-\s]*$/i.test(field.value)) return;
  const atEnd = field.selectionStart === field.value.length;
  if (!atEnd) return;
  field.value = digits.match(/.{1,2}/g)?.join(":") ?? "";
};

const showDialCode = (select) => {
  const code = select.selectedOptions[0]?.dataset.dialCode ?? "";
  for (const id of select.dataset.dialCodeFor.split(" ")) {
    const target = document.getElementById(id);
    if (target) target.textContent = code || "+";
  }
};

const copy = async (button) => {
  const source = document.getElementById(button.dataset.copy);
  const text = source.value ?? source.textContent;
  try {
    await navigator.clipboard.writeText(text.trim());
  } catch {
    // Without a secure context there is no clipboard: select it for the person.
    window.getSelection().selectAllChildren(source);
    return;
  }
  button.dataset.copied = "yes";
  window.setTimeout(() => delete button.dataset.copied, 1_800);
};

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-mac]")) groupMac(event.target);
});

// By the keys one looks through the choices of a filter; its button sends what was found.
let typing = null;
document.addEventListener("keydown", (event) => { typing = event.target; }, true);
document.addEventListener("pointerdown", () => { typing = null; }, true);

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.matches("[data-dial-code-for]")) showDialCode(field);
  if (field.matches("[data-submit-on-change]") && field !== typing) field.form.requestSubmit();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

// Addresses of lists hold what was asked for, not what was left open.
document.addEventListener("formdata", (event) => {
  if (event.target.method !== "get") return;
  const empty = [...event.formData].filter(([, value]) => value === "");
  for (const [name] of empty) event.formData.delete(name);
});

const AGAIN_MS = 2_000;

// One press, one request: a second press while the first is under way does nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.matches("[hx-post]")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  if (form.target === "_blank") {
    // This page stays, and the button is there for another time.
    window.setTimeout(() => delete form.dataset.sent, AGAIN_MS);
    return;
  }
  event.submitter?.setAttribute("aria-busy", "true");
});

// While a part of a form is fetched, people go on typing: what changed since the request
// went out wins over what comes back.
const typedAt = new WeakMap();

const keyOf = (field) =>
  field.matches("[type=checkbox], [type=radio]") ? `${field.name}=${field.value}` : field.name;

const stateOf = (field) =>
  field.matches("[type=checkbox], [type=radio]") ? field.checked : field.value;

const snapshot = (form) => {
  const fields = [...form.elements].filter((field) => field.name && field.type !== "hidden");
  return new Map(fields.map((field) => [keyOf(field), stateOf(field)]));
};

const keptForm = (event) => event.detail.elt.closest?.("form[data-keep-typed]");

document.addEventListener("htmx:beforeRequest", (event) => {
  const form = keptForm(event);
  if (form) typedAt.set(form, { sent: snapshot(form) });
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const form = event.detail.requestConfig.elt.closest?.("form[data-keep-typed]");
  const state = form && typedAt.get(form);
  if (state) state.before = snapshot(form);
});

document.addEventListener("htmx:afterSettle", () => {
  for (const form of document.querySelectorAll("form[data-keep-typed]")) {
    const { sent, before } = typedAt.get(form) ?? {};
    if (!before) continue;
    for (const field of form.elements) {
      const key = field.name && keyOf(field);
      if (!before.has(key) || before.get(key) === sent.get(key)) continue;
      if (typeof before.get(key) === "boolean") field.checked = before.get(key);
      else field.value = before.get(key);
    }
  }
});

// Coming back with the Back button, the form may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
  }
});
