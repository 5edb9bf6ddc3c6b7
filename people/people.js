// Asks a passkey, and hands on what it says. Each form of class "passkey" says
// in data-step what it is for.
const bytes = text => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0));
const text = data => btoa(String.fromCharCode(...new Uint8Array(data))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function post(path, body) {
  const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), credentials: "same-origin" });
  const type = response.headers.get("Content-Type") || "";
  const answer = type.startsWith("application/json") ? await response.json() : { error: await response.text() };
  if (!response.ok) throw new Error([answer.error, answer.remedy].filter(Boolean).join(". "));
  return answer;
}

const ids = list => (list || []).map(c => ({ ...c, id: bytes(c.id) }));

async function sign(options) {
  const credential = await navigator.credentials.get({ publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: ids(options.allowCredentials) } });
  const r = credential.response;
  return { id: text(credential.rawId), authenticatorData: text(r.authenticatorData), clientDataJSON: text(r.clientDataJSON), signature: text(r.signature) };
}

async function create(options) {
  const credential = await navigator.credentials.create({ publicKey: {
    ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) }, excludeCredentials: ids(options.excludeCredentials) } });
  return { id: text(credential.rawId), attestationObject: text(credential.response.attestationObject), clientDataJSON: text(credential.response.clientDataJSON) };
}

const steps = {
  async login(form) {
    return post("/login/passkey/finish", await sign(await post("/login/passkey/begin", { to: form.dataset.to })));
  },
  async enrol(form) {
    const { party, code, name } = form.elements;
    const made = await create(await post("/enrol/begin", { party: party.value, code: code.value, name: name.value }));
    return post("/enrol/finish", await sign(await post("/enrol/create", made)));
  },
  async end(form) {
    const { session, csrf } = form.dataset;
    return post("/account/sessions/finish", await sign(await post("/account/sessions/begin", { session, csrf })));
  },
  async sign(form) {
    const path = "/sign/" + form.dataset.id;
    return post(path + "/finish", await sign(await post(path + "/begin", { csrf: form.dataset.csrf, digest: form.dataset.digest })));
  },
};

for (const form of document.querySelectorAll("form.passkey")) {
  const button = form.querySelector("button");
  const message = form.querySelector("[role=alert]");
  button.disabled = false;
  form.addEventListener("submit", async event => {
    event.preventDefault();
    button.disabled = true;
    message.hidden = true;
    try {
      const { to } = await steps[form.dataset.step](form);
      location.assign(to);
    } catch (error) {
      message.textContent = error.message || error.name;
      message.hidden = false;
      button.disabled = false;
      button.focus();
    }
  });
}
