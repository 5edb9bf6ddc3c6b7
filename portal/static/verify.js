// The pages that verify: /verify reads the whole ledger, a statement's page its
// receipt. What was verified is kept in this browser, so that the next visit sees
// whether the ledger only grew.
import { Fault, Ledger, base64, bytes, supported, verifierKey, verifyConsistency, verifyReceipt } from "./tlog.js";

const place = document.getElementById("verifier");
const texts = JSON.parse(document.getElementById("verifier-texts").textContent);
const button = place.querySelector("button");
const results = place.querySelector("ol");
const verdict = place.querySelector("[role=status]");
const bar = place.querySelector("progress");
const keptNote = document.getElementById("kept");

const language = document.documentElement.lang;
const number = n => n.toLocaleString(language);
const moment = t => new Date(t).toLocaleString(language, { dateStyle: "long", timeStyle: "short" });

function text(name, places = {}) {
  let t = texts[name] ?? name;
  for (const [k, v] of Object.entries(places)) t = t.replaceAll("{" + k + "}", typeof v === "number" ? number(v) : v);
  return t;
}

function say(name, places, good = true) {
  const item = document.createElement("li");
  item.className = good ? "good" : "bad";
  item.textContent = text(name, places);
  results.append(item);
}

function conclude(name, places, good) {
  verdict.className = "notice " + (good ? "good" : "alarm");
  verdict.textContent = text(name, places);
}

// What this browser keeps: the ledger's key as it was seen first, and the last
// checkpoint that was verified.
const keyName = origin => "rempart key " + origin;
const headName = origin => "rempart checkpoint " + origin;

function keptHead(origin) {
  const kept = JSON.parse(localStorage.getItem(headName(origin)) ?? "null");
  return kept && { ...kept, root: bytes(kept.root) };
}

function keep(head) {
  localStorage.setItem(headName(head.origin), JSON.stringify({ size: head.size, root: base64(head.root), text: head.text, time: new Date().toISOString() }));
}

function showKept(key) {
  const kept = keptHead(key.name);
  keptNote.textContent = kept ? text("kept", { size: kept.size, time: moment(kept.time) }) : text("kept_none");
}

async function pinnedKey() {
  const given = place.dataset.key;
  const key = await verifierKey(given);
  const pinned = localStorage.getItem(keyName(key.name));
  if (pinned && pinned !== given) throw new Fault("key_changed");
  localStorage.setItem(keyName(key.name), given);
  return key;
}

async function fetchFile(name) {
  const answer = await fetch("/tlog/" + name);
  if (!answer.ok) throw new Fault("fetch", { name, status: String(answer.status) });
  return new Uint8Array(await answer.arrayBuffer());
}

async function fetchJSON(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Fault("fetch", { name: path, status: String(answer.status) });
  return answer.json();
}

async function verifyLedger(key) {
  const ledger = new Ledger(key, fetchFile);
  const head = await ledger.head();
  say("checkpoint", { size: head.size, origin: head.origin });
  for (const name of head.cosigned) say("cosigned", { name });
  bar.hidden = false;
  bar.max = head.size;
  const kept = keptHead(key.name);
  const signed = await ledger.verifyAll(head, kept, done => {
    bar.value = done;
  });
  say("root", { size: head.size });
  say("signatures", { keys: signed.key, passkeys: signed.passkey });
  grown(kept, head);
  return head;
}

async function verifyStatement(key) {
  const receipt = await fetchJSON("/api/v1/receipt/" + place.dataset.index);
  const proved = await verifyReceipt(receipt, key);
  if (proved.index !== Number(place.dataset.index)) throw new Fault("inclusion", { index: Number(place.dataset.index) });
  say("checkpoint", { size: proved.head.size, origin: proved.head.origin });
  for (const name of proved.head.cosigned) say("cosigned", { name });
  say("included", { index: proved.index });
  say(proved.by === "passkey" ? "signed_passkey" : "signed_key", { actor: proved.statement.actor });
  const kept = keptHead(key.name);
  if (kept) {
    const hashes = kept.size < proved.head.size ? await fetchJSON(`/api/v1/consistency?from=${kept.size}&to=${proved.head.size}`) : [];
    await verifyConsistency(kept.size, proved.head.size, hashes.map(bytes), kept.root, proved.head.root);
  }
  grown(kept, proved.head);
  return proved.head;
}

function grown(kept, head) {
  if (kept) say("grown", { size: kept.size, now: head.size, time: moment(kept.time) });
  else say("grown_first", {});
}

async function run() {
  button.disabled = true;
  results.replaceChildren();
  verdict.textContent = "";
  verdict.className = "";
  try {
    const key = await pinnedKey();
    const head = await (place.dataset.index ? verifyStatement(key) : verifyLedger(key));
    keep(head);
    showKept(key);
    conclude("done", {}, true);
  } catch (error) {
    const fault = error instanceof Fault ? error : new Fault("unexpected", { error: String(error) });
    say("fault_" + fault.name, fault.places, false);
    conclude("failed", {}, false);
  } finally {
    bar.hidden = true;
    button.disabled = false;
    place.dataset.done = "true";
  }
}

if (await supported()) {
  place.hidden = false;
  button.addEventListener("click", run);
  showKept(await verifierKey(place.dataset.key));
} else {
  document.getElementById("unsupported").hidden = false;
}
