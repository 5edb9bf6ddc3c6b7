// Lets a passkey sign the statement that the page shows, and sends it. The
// challenge is the digest of that very statement.
const form = document.getElementById("sign");
const button = form.querySelector("button");
const message = form.querySelector("[role=alert]");

const bytes = text => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0));
const url64 = data => btoa(String.fromCharCode(...new Uint8Array(data))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

button.disabled = false;
form.addEventListener("submit", async event => {
  if (form.elements.signature.value !== "") return;
  event.preventDefault();
  button.disabled = true;
  message.hidden = true;
  try {
    const credential = await navigator.credentials.get({
      publicKey: {
        challenge: bytes(form.dataset.challenge),
        rpId: form.dataset.rpid,
        allowCredentials: form.dataset.credentials.split(" ").map(id => ({ type: "public-key", id: bytes(id) })),
        userVerification: "required",
        timeout: 300000,
      },
    });
    form.elements.credential.value = url64(credential.rawId);
    form.elements.authenticatorData.value = url64(credential.response.authenticatorData);
    form.elements.clientDataJSON.value = url64(credential.response.clientDataJSON);
    form.elements.signature.value = url64(credential.response.signature);
    form.submit();
  } catch (error) {
    message.hidden = false;
    message.querySelector("code").textContent = error.name;
    button.disabled = false;
    button.focus();
  }
});
