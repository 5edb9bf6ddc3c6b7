// A verifier of a Rempart ledger that trusts nobody but a checkpoint's key.
//
// The formats: signed notes and checkpoints (C2SP signed-note, tlog-checkpoint),
// tiles and entry bundles (C2SP tlog-tiles), the tree and its proofs (RFC 6962,
// section 2.1), DSSE v1 envelopes, passkeys' assertions (WebAuthn Level 3,
// section 7.2). docs/ledger.md says what statements are. It needs nothing but
// WebCrypto, and runs in a browser and in Node.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

// A Fault says that something is not what it has to be. Its name is a text of
// the portal, its places what fills it.
export class Fault extends Error {
  constructor(name, places = {}) {
    super(name + " " + JSON.stringify(places));
    this.name = name;
    this.places = places;
  }
}

export const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
export const base64 = data => btoa(String.fromCharCode(...data));
const urlBytes = text => bytes(text.replaceAll("-", "+").replaceAll("_", "/"));
const url64 = data => base64(data).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
export const hex = data => Array.from(data, b => b.toString(16).padStart(2, "0")).join("");
const equal = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);

function join(...parts) {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}

export const sha256 = async data => new Uint8Array(await crypto.subtle.digest("SHA-256", data));
export const leafHash = entry => sha256(join([0], entry));
const nodeHash = (left, right) => sha256(join([1], left, right));

// supported says whether the browser can verify Ed25519 signatures.
export async function supported() {
  try {
    await ed25519(new Uint8Array(32).fill(1));
    return true;
  } catch {
    return false;
  }
}

const ed25519 = key => crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);

async function verifyEd25519(key, signature, message) {
  return crypto.subtle.verify("Ed25519", await ed25519(key), signature, message);
}

// verifierKey reads a note's verifier key: name+hash+base64(algorithm, key).
export async function verifierKey(text) {
  const [, name, hash, key] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text) ?? [];
  if (!name) throw new Fault("key_unreadable");
  const raw = bytes(key);
  const want = (await sha256(join(encoder.encode(name + "\n"), raw))).slice(0, 4);
  if (raw[0] !== 1 || raw.length !== 33 || hex(want) !== hash) throw new Fault("key_unreadable");
  return { name, hash: want, key: raw.slice(1) };
}

// checkpoint reads a signed checkpoint and verifies that the key signed it.
export async function checkpoint(text, key) {
  const split = text.lastIndexOf("\n\n") + 1;
  const body = text.slice(0, split);
  const [origin, size, root] = body.split("\n");
  if (origin !== key.name || !/^(0|[1-9][0-9]*)$/.test(size)) throw new Fault("checkpoint_foreign", { origin });
  const signatures = text.slice(split + 1).trimEnd().split("\n").map(line => {
    const [, name, data] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    if (!name) throw new Fault("checkpoint_unreadable");
    return { name, data: bytes(data) };
  });
  for (const s of signatures) {
    if (s.name !== key.name || !equal(s.data.slice(0, 4), key.hash)) continue;
    if (await verifyEd25519(key.key, s.data.slice(4), encoder.encode(body))) {
      return { origin, size: Number(size), root: bytes(root), text, body, others: signatures.filter(o => o !== s) };
    }
  }
  throw new Fault("checkpoint_unsigned");
}

// witnessKey reads a witness's verifier key. It cosigns with an Ed25519 key under an
// id of its own (C2SP tlog-cosignature): the algorithm 4, whichever the text has.
export async function witnessKey(text) {
  const [, name, , encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text) ?? [];
  if (!name) throw new Fault("key_unreadable");
  const raw = bytes(encoded);
  if ((raw[0] !== 1 && raw[0] !== 4) || raw.length !== 33) throw new Fault("key_unreadable");
  const key = raw.slice(1);
  return { name, text, key, hash: (await sha256(join(encoder.encode(name + "\n"), [4], key))).slice(0, 4) };
}

// cosignatures says which of the witnesses have cosigned a checkpoint, and when: an
// Ed25519 signature over the time and the checkpoint's text (cosignature/v1).
export async function cosignatures(head, witnesses) {
  const found = [];
  for (const w of witnesses) {
    for (const line of head.others) {
      if (line.name !== w.name || line.data.length !== 76 || !equal(line.data.slice(0, 4), w.hash)) continue;
      const time = Number(new DataView(line.data.buffer, line.data.byteOffset + 4, 8).getBigUint64(0));
      const message = encoder.encode("cosignature/v1\ntime " + time + "\n" + head.body);
      if (await verifyEd25519(w.key, line.data.slice(12), message)) {
        found.push({ name: w.name, time });
        break;
      }
    }
  }
  return found;
}

// Tree is the hashes of perfect subtrees from which a root is computed, as far as
// the tree has grown.
export class Tree {
  size = 0;
  #peaks = [];

  // save is what the tree goes on from later.
  save() {
    return { size: this.size, peaks: this.#peaks.map(base64) };
  }

  static restore(saved) {
    const tree = new Tree();
    tree.size = saved.size;
    tree.#peaks = saved.peaks.map(bytes);
    return tree;
  }

  async append(leaf) {
    let hash = leaf;
    for (let n = this.size; n % 2 === 1; n = Math.floor(n / 2)) hash = await nodeHash(this.#peaks.pop(), hash);
    this.#peaks.push(hash);
    this.size++;
  }

  async root() {
    if (this.size === 0) return sha256(new Uint8Array());
    let hash = this.#peaks.at(-1);
    for (const peak of this.#peaks.slice(0, -1).reverse()) hash = await nodeHash(peak, hash);
    return hash;
  }
}

// verifyInclusion verifies that a leaf is in a tree (RFC 9162, section 2.1.3.2).
export async function verifyInclusion(leaf, index, size, hashes, root) {
  if (index >= size) throw new Fault("inclusion", { index });
  let fn = index, sn = size - 1, r = leaf;
  for (const p of hashes) {
    if (sn === 0) throw new Fault("inclusion", { index });
    if (fn % 2 === 1 || fn === sn) {
      r = await nodeHash(p, r);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else {
      r = await nodeHash(r, p);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  if (sn !== 0 || !equal(r, root)) throw new Fault("inclusion", { index });
}

// verifyConsistency verifies that a tree goes on from an older one (RFC 9162,
// section 2.1.4.2).
export async function verifyConsistency(first, second, hashes, firstRoot, secondRoot) {
  const fault = new Fault("forked", { size: first });
  if (first > second) throw new Fault("shrunk", { size: first, now: second });
  if (first === second || first === 0) {
    if (first === second && !equal(firstRoot, secondRoot)) throw fault;
    return;
  }
  const path = [...hashes];
  if (2 ** Math.floor(Math.log2(first)) === first) path.unshift(firstRoot);
  if (path.length === 0) throw fault;
  let fn = first - 1, sn = second - 1;
  while (fn % 2 === 1) {
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  let fr = path[0], sr = path[0];
  for (const c of path.slice(1)) {
    if (sn === 0) throw fault;
    if (fn % 2 === 1 || fn === sn) {
      fr = await nodeHash(c, fr);
      sr = await nodeHash(c, sr);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else {
      sr = await nodeHash(sr, c);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  if (sn !== 0 || !equal(fr, firstRoot) || !equal(sr, secondRoot)) throw fault;
}

// Tiles reads hashes of a tree of a size from the tiles that hold them: some for
// each 256-fold of the tree, however large it is.
export class Tiles {
  #tiles = new Map();

  constructor(size, fetchFile) {
    this.size = size;
    this.fetchFile = fetchFile;
  }

  // node is the hash of the perfect subtree of 2^height leaves that begins at a leaf.
  async node(height, first) {
    const level = Math.floor(height / 8);
    const at = Math.floor(first / 256 ** level), count = 2 ** (height - 8 * level);
    const number = Math.floor(at / 256);
    const tile = await this.tile(level, number);
    let hashes = tile.slice(at - number * 256, at - number * 256 + count);
    if (hashes.length !== count) throw new Fault("bundle_unreadable");
    while (hashes.length > 1) {
      const next = [];
      for (let i = 0; i < hashes.length; i += 2) next.push(await nodeHash(hashes[i], hashes[i + 1]));
      hashes = next;
    }
    return hashes[0];
  }

  // tile is the hashes of a tile.
  async tile(level, number) {
    const width = Math.min(256, Math.floor(this.size / 256 ** level) - number * 256);
    const name = tilePath(String(level), number, width);
    if (!this.#tiles.has(name)) {
      const raw = await this.fetchFile(name);
      if (raw.length !== 32 * width) throw new Fault("bundle_unreadable");
      this.#tiles.set(name, Array.from({ length: width }, (_, i) => raw.slice(32 * i, 32 * i + 32)));
    }
    return this.#tiles.get(name);
  }

  // range is the hash of the leaves from first until end (RFC 6962, section 2.1).
  async range(first, end) {
    const n = end - first, half = largestPower(n);
    if (half === n) return this.node(Math.log2(n), first);
    return nodeHash(await this.range(first, first + half), await this.range(first + half, end));
  }

  // consistency is the proof that the tree goes on from its first statements (RFC 6962,
  // section 2.1.2).
  async consistency(older, first = 0, end = this.size, whole = true) {
    const n = end - first;
    if (older === n) return whole ? [] : [await this.range(first, end)];
    const half = largestPower(n) === n ? n / 2 : largestPower(n);
    if (older <= half) return [...(await this.consistency(older, first, first + half, whole)), await this.range(first + half, end)];
    return [...(await this.consistency(older - half, first + half, end, false)), await this.range(first, first + half)];
  }
}

// largestPower is the largest power of two that is not larger than n.
const largestPower = n => 2 ** Math.floor(Math.log2(n));

// bundleWidth is how many entries a full bundle has.
export const bundleWidth = 256;

// bundlePath is where an entry bundle of so many entries lies.
export const bundlePath = (number, width) => tilePath("entries", number, width);

// tilePath is where a tile of so many entries or hashes lies.
function tilePath(level, number, width) {
  let name = String(number % 1000).padStart(3, "0");
  for (let n = Math.floor(number / 1000); n > 0; n = Math.floor(n / 1000)) name = "x" + String(n % 1000).padStart(3, "0") + "/" + name;
  return "tile/" + level + "/" + name + (width < bundleWidth ? ".p/" + width : "");
}

// entries splits a bundle.
export function entries(bundle) {
  const all = [];
  for (let at = 0; at < bundle.length;) {
    const length = bundle[at] * 256 + bundle[at + 1];
    if (!(at + 2 + length <= bundle.length)) throw new Fault("bundle_unreadable");
    all.push(bundle.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return all;
}

const payloadType = "application/vnd.rempart.statement+json";

// open reads an envelope: its statement, and what its signature is over.
export function open(envelope) {
  const e = JSON.parse(decoder.decode(envelope));
  if (e.payloadType !== payloadType || !Array.isArray(e.signatures) || e.signatures.length === 0) throw new Fault("envelope_unreadable");
  const payload = bytes(e.payload);
  const head = "DSSEv1 " + payloadType.length + " " + payloadType + " " + payload.length + " ";
  return { statement: JSON.parse(decoder.decode(payload)), signed: join(encoder.encode(head), payload), signatures: e.signatures };
}

// Keys are who may have signed: what the statements themselves have made known.
export class Keys {
  #parties = new Map(); // name → Set of raw Ed25519 keys in base64
  #passkeys = new Map(); // keyid → { party, passkey }
  #proposed = new Map(); // index → the witnesses that a proposal would set
  witnesses = []; // the verifier keys of the witnesses that the ledger names now

  // save is what verifying goes on from later.
  save() {
    return { parties: [...this.#parties], passkeys: [...this.#passkeys], proposed: [...this.#proposed], witnesses: this.witnesses };
  }

  static restore(saved) {
    const keys = new Keys();
    keys.#parties = new Map(saved.parties);
    keys.#passkeys = new Map(saved.passkeys);
    keys.#proposed = new Map(saved.proposed);
    keys.witnesses = saved.witnesses;
    return keys;
  }

  // learn takes in the keys that a statement makes known. Whether the policies let
  // it be made, `rempart audit verify` says.
  async learn(statement, index, body = statement.body, kind = statement.kind) {
    if (kind === "warehouse-created") this.#add(statement.actor, body.signing);
    else if (kind === "party-added") this.#add(body.name, body.signing);
    else if (kind === "passkey-registered") {
      const id = "passkey:" + hex(await sha256(urlBytes(body.credential)));
      if (!this.#passkeys.has(id)) this.#passkeys.set(id, { party: statement.actor, passkey: body });
    } else if (kind === "witnesses-set") this.#vouch(body);
    else if (kind === "proposed" && body.statement === "witnesses-set") this.#proposed.set(index, body.says);
    else if (kind === "proposed") await this.learn(statement, index, body.says, body.statement);
    else if (kind === "countersigned" && this.#proposed.has(body.entry)) {
      if (!body.refused) this.#vouch(this.#proposed.get(body.entry));
      this.#proposed.delete(body.entry);
    }
  }

  #vouch(body) {
    this.witnesses = (body.witnesses ?? []).map(w => w.key);
  }

  #add(name, key) {
    if (!this.#parties.has(name)) this.#parties.set(name, key.replace(/^ed25519:/, ""));
  }

  // verify verifies that a statement is signed by its actor, and says how: by a
  // key, or by a passkey.
  async verify(opened, index) {
    const actor = opened.statement.actor;
    for (const s of opened.signatures) {
      const signature = bytes(s.sig);
      const known = this.#passkeys.get(s.keyid);
      if (known?.party === actor && (await verifyPasskey(known.passkey, signature, opened.signed))) return "passkey";
      const key = this.#parties.get(actor);
      if (key && !s.keyid.startsWith("passkey:") && (await verifyEd25519(bytes(key), signature, opened.signed))) return "key";
    }
    throw new Fault("signature", { index, actor });
  }
}

// verifyPasskey verifies a passkey's assertion, whose challenge is the digest of
// what was signed.
async function verifyPasskey(passkey, signature, signed) {
  const a = JSON.parse(decoder.decode(signature));
  const clientData = urlBytes(a.clientDataJSON), authenticatorData = urlBytes(a.authenticatorData);
  const client = JSON.parse(decoder.decode(clientData));
  if (client.type !== "webauthn.get" || client.challenge !== url64(await sha256(signed)) || client.origin !== passkey.origin || client.crossOrigin === true) return false;
  const present = 1, verified = 4;
  if (!equal(authenticatorData.slice(0, 32), await sha256(encoder.encode(passkey.rp_id)))) return false;
  if ((authenticatorData[32] & present) === 0 || (authenticatorData[32] & verified) === 0) return false;
  const { key, algorithm, raw } = await coseKey(urlBytes(passkey.public_key));
  return crypto.subtle.verify(algorithm, key, raw(urlBytes(a.signature)), join(authenticatorData, await sha256(clientData)));
}

// coseKey reads a COSE key (RFC 9052, section 7): ES256, Ed25519 or RS256.
async function coseKey(data) {
  const map = cbor(data);
  const use = async (jwk, algorithm, raw = s => s) => ({ key: await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["verify"]), algorithm, raw });
  switch (map.get(3)) {
    case -7:
      return use({ kty: "EC", crv: "P-256", x: url64(map.get(-2)), y: url64(map.get(-3)) }, { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }, fromDER);
    case -8:
      return use({ kty: "OKP", crv: "Ed25519", x: url64(map.get(-2)) }, { name: "Ed25519" });
    case -257:
      return use({ kty: "RSA", n: url64(map.get(-1)), e: url64(map.get(-2)) }, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" });
  }
  throw new Fault("key_unreadable");
}

// fromDER writes an ECDSA signature as WebCrypto wants it: r and s, 32 bytes each.
function fromDER(der) {
  const out = new Uint8Array(64);
  let at = 2;
  for (const end of [32, 64]) {
    const number = der.slice(at + 2, at + 2 + der[at + 1]);
    const digits = number.slice(Math.max(0, number.length - 32));
    out.set(digits, end - digits.length);
    at += 2 + number.length;
  }
  return out;
}

// cbor reads the CBOR (RFC 8949) that COSE keys are of: a map of integers to
// integers and byte strings.
function cbor(data) {
  let at = 0;
  const value = () => {
    const head = data[at++], major = head >> 5;
    let n = head & 31;
    if (n >= 24) {
      const width = 2 ** (n - 24);
      n = data.slice(at, at + width).reduce((sum, b) => sum * 256 + b, 0);
      at += width;
    }
    switch (major) {
      case 0: return n;
      case 1: return -1 - n;
      case 2: return data.slice(at, (at += n));
      case 5: {
        const map = new Map();
        for (let i = 0; i < n; i++) {
          const key = value();
          map.set(key, value());
        }
        return map;
      }
    }
    throw new Fault("key_unreadable");
  };
  return value();
}

// Ledger reads a ledger through a function that fetches its files by their names.
export class Ledger {
  constructor(key, fetchFile) {
    this.key = key;
    this.fetchFile = fetchFile;
  }

  // head is the signed checkpoint of now.
  async head() {
    return checkpoint(decoder.decode(await this.fetchFile("checkpoint")), this.key);
  }

  // cosigned is the checkpoint that witnesses have cosigned last, or null.
  async cosigned() {
    const text = await this.fetchFile("cosigned", true);
    return text && checkpoint(decoder.decode(text), this.key);
  }

  // verify reads every entry from the first on that was not read before, recomputes
  // the tree, verifies each signature, and that the tree goes on from one that was kept.
  // progress is told how many entries are done. before is what an earlier call has
  // returned as its state; it says how many were signed by what.
  async verify(head, kept, before, progress) {
    const tree = before ? Tree.restore(before.tree) : new Tree(), keys = before ? Keys.restore(before.keys) : new Keys();
    const signed = { key: 0, passkey: 0 }, from = tree.size;
    if (kept && kept.size > head.size) throw new Fault("shrunk", { size: kept.size, now: head.size });
    if (before && (tree.size !== kept.size || !equal(await tree.root(), kept.root))) throw new Fault("forked", { size: kept.size });
    if (before) await this.continues(kept, head);
    const numbers = Math.ceil(head.size / bundleWidth), start = Math.floor(from / bundleWidth);
    const fetched = number => this.fetchFile(bundlePath(number, Math.min(bundleWidth, head.size - number * bundleWidth)));
    let next = numbers > start && head.size > from ? fetched(start) : null;
    for (let number = start; next && number < numbers; number++) {
      const bundle = await next;
      if (number + 1 < numbers) next = fetched(number + 1);
      const first = Math.max(from, number * bundleWidth);
      const all = entries(bundle).slice(first - number * bundleWidth, head.size - number * bundleWidth);
      const leaves = await Promise.all(all.map(leafHash));
      const opened = all.map(open);
      for (const [i, leaf] of leaves.entries()) {
        await tree.append(leaf);
        await keys.learn(opened[i].statement, first + i);
        if (kept && tree.size === kept.size && !equal(await tree.root(), kept.root)) throw new Fault("forked", { size: kept.size });
      }
      for (const by of await Promise.all(opened.map((o, i) => keys.verify(o, first + i)))) signed[by]++;
      progress(tree.size);
    }
    if (tree.size !== head.size || !equal(await tree.root(), head.root)) throw new Fault("root", { size: head.size });
    return { signed, read: head.size - from, witnesses: keys.witnesses, state: { tree: tree.save(), keys: keys.save() } };
  }

  // outline verifies with few downloads what needs no statement to be read: that the
  // tiles have the root that was signed, that the last entries are in them, and that the
  // tree goes on from one that was kept. It returns how many entries it has looked at.
  async outline(head, kept) {
    if (kept && kept.size > head.size) throw new Fault("shrunk", { size: kept.size, now: head.size });
    if (head.size === 0) return 0;
    const tiles = new Tiles(head.size, this.fetchFile);
    if (!equal(await tiles.range(0, head.size), head.root)) throw new Fault("root", { size: head.size });
    if (kept) await this.continues(kept, head, tiles);
    const number = Math.ceil(head.size / bundleWidth) - 1;
    const last = entries(await this.fetchFile(bundlePath(number, head.size - number * bundleWidth)));
    const hashes = await tiles.tile(0, number);
    for (const [i, hash] of hashes.entries()) {
      if (!last[i] || !equal(await leafHash(last[i]), hash)) throw new Fault("inclusion", { index: number * bundleWidth + i });
    }
    return hashes.length;
  }

  // continues verifies that a tree goes on from an older one.
  async continues(older, head, tiles = new Tiles(head.size, this.fetchFile)) {
    const hashes = older.size > 0 && older.size < head.size ? await tiles.consistency(older.size) : [];
    await verifyConsistency(older.size, head.size, hashes, older.root, head.root);
  }
}

// verifyReceipt verifies that statements are in the ledger, and that the last of
// them is signed by its actor with a key that the others make known.
export async function verifyReceipt(receipt, key) {
  const head = await checkpoint(receipt.checkpoint, key);
  const keys = new Keys();
  let last;
  for (const p of receipt.proofs) {
    const envelope = bytes(p.envelope);
    await verifyInclusion(await leafHash(envelope), p.index, head.size, (p.hashes ?? []).map(bytes), head.root);
    last = { index: p.index, ...open(envelope) };
    await keys.learn(last.statement, p.index);
  }
  return { head, statement: last.statement, index: last.index, by: await keys.verify(last, last.index) };
}
