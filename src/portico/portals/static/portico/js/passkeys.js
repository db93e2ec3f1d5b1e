// Passkeys: the browser's dialog between a form's button and its submission.
//
// <form data-passkey="create | get" data-options="id of a JSON block">
//   or data-options-from="address of the JSON", asked for when the button is pressed
// with a hidden field "credential", a button "data-passkey-start" and, for create, a box
// "passwordless".

const toBytes = (text) => {
  const plain = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(plain), (letter) => letter.charCodeAt(0));
};

const toText = (buffer) => {
  const letters = [...new Uint8Array(buffer)].map((byte) => String.fromCharCode(byte));
  return btoa(letters.join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};

const withBytes = (list) => (list ?? []).map((one) => ({ ...one, id: toBytes(one.id) }));

const optionsOf = async (form) => {
  const { options, optionsFrom } = form.dataset;
  if (options) return JSON.parse(document.getElementById(options).textContent);
  const answer = await fetch(optionsFrom, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`no challenge: ${answer.status}`);
  return (await answer.json()).request_options;
};

const create = async (form) => {
  const { publicKey } = await optionsOf(form);
  const isAlone = form.elements.passwordless?.checked ?? false;
  const selection = {
    ...publicKey.authenticatorSelection,
    residentKey: isAlone ? "required" : "discouraged",
    requireResidentKey: isAlone,
  };
  if (isAlone) selection.userVerification = "required";
  const made = await navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: toBytes(publicKey.challenge),
      user: { ...publicKey.user, id: toBytes(publicKey.user.id) },
      excludeCredentials: withBytes(publicKey.excludeCredentials),
      authenticatorSelection: selection,
    },
  });
  return {
    ...named(made),
    response: {
      clientDataJSON: toText(made.response.clientDataJSON),
      attestationObject: toText(made.response.attestationObject),
      transports: made.response.getTransports?.() ?? [],
    },
  };
};

const get = async (form) => {
  const { publicKey } = await optionsOf(form);
  const given = await navigator.credentials.get({
    publicKey: {
      ...publicKey,
      challenge: toBytes(publicKey.challenge),
      allowCredentials: withBytes(publicKey.allowCredentials),
    },
  });
  const { userHandle } = given.response;
  return {
    ...named(given),
    response: {
      clientDataJSON: toText(given.response.clientDataJSON),
      authenticatorData: toText(given.response.authenticatorData),
      signature: toText(given.response.signature),
      userHandle: userHandle ? toText(userHandle) : null,
    },
  };
};

const named = (credential) => ({
  type: credential.type,
  id: credential.id,
  rawId: toText(credential.rawId),
  authenticatorAttachment: credential.authenticatorAttachment,
  clientExtensionResults: credential.getClientExtensionResults(),
});

const complain = (form, what) => {
  const trouble = form.querySelector("[data-passkey-trouble]");
  trouble.textContent = trouble.dataset[what];
  trouble.hidden = false;
};

const run = async (form) => {
  if (!window.PublicKeyCredential) {
    complain(form, "unsupported");
    return;
  }
  const field = form.elements.credential;
  try {
    const act = form.dataset.passkey === "create" ? create : get;
    field.value = JSON.stringify(await act(form));
  } catch (error) {
    // The address is a number, or not secure.
    complain(form, error.name === "SecurityError" ? "unsupported" : "failed");
    return;
  }
  // Not requestSubmit: that would come back here.
  form.submit();
};

// Before the listener of forms.js, which takes every submit for a finished one.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-passkey]")) return;
  event.preventDefault();
  event.stopPropagation();
  run(form);
}, true);

// Disabled until somebody listens: a press before that would send an empty form.
for (const button of document.querySelectorAll("[data-passkey-start]")) button.disabled = false;
