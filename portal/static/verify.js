// The pages that verify: /verify the ledger, a statement's page its receipt. What was
// verified is kept in this browser, so that the next visit sees whether the ledger only
// grew, and reads no more than what is new.
import { Fault, Ledger, base64, bytes, cosignatures, supported, verifierKey, verifyConsistency, verifyReceipt, witnessKey } from "./tlog.js";

const place = document.getElementById("verifier");
const texts = JSON.parse(document.getElementById("verifier-texts").textContent);
const buttons = place.querySelectorAll("button");
const witnesses = await Promise.all(JSON.parse(place.dataset.witnesses).map(witnessKey));
const threshold = Number(place.dataset.threshold);
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

function say(name, places, how = "good") {
  const item = document.createElement("li");
  item.className = how;
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

// keep keeps a checkpoint, and, where every statement was read, what reading goes on from.
function keep(head, state) {
  localStorage.setItem(headName(head.origin), JSON.stringify({ size: head.size, root: base64(head.root), text: head.text, time: new Date().toISOString(), state }));
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

async function fetchFile(name, optional = false) {
  const answer = await fetch("/tlog/" + name);
  if (optional && answer.status === 404) return null;
  if (!answer.ok) throw new Fault("fetch", { name, status: String(answer.status) });
  return new Uint8Array(await answer.arrayBuffer());
}

async function fetchJSON(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Fault("fetch", { name: path, status: String(answer.status) });
  return answer.json();
}

// vouched verifies what the witnesses have cosigned last, and that the ledger goes on
// from there.
async function vouched(ledger, head) {
  if (witnesses.length === 0) return;
  const cosigned = await ledger.cosigned();
  const found = cosigned ? await cosignatures(cosigned, witnesses) : [];
  for (const f of found) say("cosigned", { name: f.name, size: cosigned.size, time: moment(1000 * f.time) });
  for (const w of witnesses) if (!found.some(f => f.name === w.name)) say("not_cosigned", { name: w.name }, "note");
  if (found.length < threshold) throw new Fault("cosignatures", { have: found.length, want: threshold });
  if (cosigned.size > head.size) throw new Fault("shrunk", { size: cosigned.size, now: head.size });
  try {
    await ledger.continues(cosigned, head);
  } catch (error) {
    throw error instanceof Fault && error.name === "forked" ? new Fault("witnessed", { size: cosigned.size }) : error;
  }
}

// verifyLedger reads everything, or what is new since everything was read here, or, in
// a browser that has read nothing yet, the outline.
async function verifyLedger(key, everything) {
  const ledger = new Ledger(key, fetchFile);
  const head = await ledger.head();
  say("checkpoint", { size: head.size, origin: head.origin });
  const kept = keptHead(key.name);
  if (everything || kept?.state) {
    bar.hidden = false;
    bar.max = head.size;
    const done = await ledger.verify(head, kept, everything ? null : kept.state, n => {
      bar.value = n;
    });
    if (done.witnesses.length !== witnesses.length || !witnesses.every(w => done.witnesses.includes(w.text))) throw new Fault("witness_keys");
    say("root", { size: head.size });
    say(everything ? "signatures" : "signatures_new", { keys: done.signed.key, passkeys: done.signed.passkey, read: done.read });
    await vouched(ledger, head);
    grown(kept, head);
    keep(head, done.state);
    return "done";
  }
  const looked = await ledger.outline(head, kept);
  say("tiles", { size: head.size });
  say("latest", { n: looked });
  await vouched(ledger, head);
  grown(kept, head);
  say("unread", {}, "note");
  keep(head);
  return "done_outline";
}

async function verifyStatement(key) {
  const receipt = await fetchJSON("/api/v1/receipt/" + place.dataset.index);
  const proved = await verifyReceipt(receipt, key);
  if (proved.index !== Number(place.dataset.index)) throw new Fault("inclusion", { index: Number(place.dataset.index) });
  say("checkpoint", { size: proved.head.size, origin: proved.head.origin });
  say("included", { index: proved.index });
  say(proved.by === "passkey" ? "signed_passkey" : "signed_key", { actor: proved.statement.actor });
  const kept = keptHead(key.name);
  if (kept) {
    const hashes = kept.size < proved.head.size ? await fetchJSON(`/api/v1/consistency?from=${kept.size}&to=${proved.head.size}`) : [];
    await verifyConsistency(kept.size, proved.head.size, hashes.map(bytes), kept.root, proved.head.root);
  }
  grown(kept, proved.head);
  if (!kept?.state) keep(proved.head);
  return "done";
}

function grown(kept, head) {
  if (kept) say("grown", { size: kept.size, now: head.size, time: moment(kept.time) });
  else say("grown_first", {});
}

async function run(everything) {
  for (const b of buttons) b.disabled = true;
  delete place.dataset.done;
  results.replaceChildren();
  verdict.textContent = "";
  verdict.className = "";
  try {
    const key = await pinnedKey();
    conclude(await (place.dataset.index ? verifyStatement(key) : verifyLedger(key, everything)), {}, true);
    showKept(key);
  } catch (error) {
    const fault = error instanceof Fault ? error : new Fault("unexpected", { error: String(error) });
    say("fault_" + fault.name, fault.places, "bad");
    conclude("failed", {}, false);
  } finally {
    bar.hidden = true;
    for (const b of buttons) b.disabled = false;
    place.dataset.done = "true";
  }
}

if (await supported()) {
  place.hidden = false;
  for (const b of buttons) b.addEventListener("click", () => run(b.value === "everything"));
  showKept(await verifierKey(place.dataset.key));
} else {
  document.getElementById("unsupported").hidden = false;
}
