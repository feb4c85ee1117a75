"use strict";
// A form that asks the browser for a passkey: data-passkey says which way, data-options what the server asks, and the field
// "credential" carries what the browser answered.
(() => {
  const able = "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;
  const words = {
    InvalidStateError: "This device has a passkey for this desk already.",
    NotAllowedError: "Nothing was done: it was cancelled, or took too long. Try again.",
    SecurityError: "This browser makes no passkeys at this address.",
  };
  const tell = (form, text) => {
    const place = form.querySelector("[data-passkey-problem]");
    place.textContent = text;
    place.hidden = false;
  };
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!able) tell(form, "This browser knows no passkeys. Update it, or use another way.");
    form.addEventListener("submit", async (event) => {
      if (form.elements.credential.value) return;
      event.preventDefault();
      if (!able) return;
      try {
        const asked = JSON.parse(form.dataset.options);
        const answer = form.dataset.passkey === "make"
          ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) })
          : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
        form.elements.credential.value = JSON.stringify(answer.toJSON());
        form.submit();
      } catch (error) {
        tell(form, words[error.name] ?? "The passkey could not be used. Try again, or use another way.");
      }
    });
  }
})();
