"""Verifies a proof of a statement without Rempart, by docs/ledger.md; needs the package cryptography.
--known: the proof of the statement that made the actor's key known; --witnesses: that of the statement that names the witnesses."""
import argparse, base64, hashlib, json
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

def need(holds, why):
    if not holds: raise ValueError(why)
def sha256(*parts): return hashlib.sha256(b"".join(parts)).digest()
def b64(text, url=False):  # base64 that has no other spelling
    raw = base64.b64decode(text + "=" * (-len(text) % 4) if url else text, b"-_" if url else None, validate=True)
    need((base64.urlsafe_b64encode(raw).rstrip(b"=") if url else base64.b64encode(raw)) == text.encode(), "base64 in another spelling")
    return raw
def unique(pairs):
    need(len(dict(pairs)) == len(pairs), "a member stands twice")
    return dict(pairs)
def parse(text): return json.loads(text, object_pairs_hook=unique)
def edwards(key, signature, message): ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
def signed(note, vkey):  # c2sp.org/signed-note, c2sp.org/tlog-cosignature: the text, if the key has signed it, or None
    name, _, public = vkey.split("+", 2)
    key, text, lines = b64(public), note[:note.rindex("\n\n") + 1], note[note.rindex("\n\n") + 2:]
    for line in lines.removesuffix("\n").split("\n"):
        dash, signer, blob = line.split(" ")
        need(dash == "\u2014", "a signature line begins otherwise")
        raw = b64(blob)
        if signer == name and key[0] == 1 and raw[:4] == sha256(name.encode(), b"\n", key)[:4]:
            return edwards(key[1:], raw[4:], text.encode()) or text
        if signer == name and raw[:4] == sha256(name.encode(), b"\n\4", key[1:])[:4]:  # a witness signs the time too
            return edwards(key[1:], raw[12:], f"cosignature/v1\ntime {int.from_bytes(raw[4:12])}\n{text}".encode()) or text
def root(at, last, node, path):  # RFC 9162, 2.1.3.2
    need(at <= last, "the tree is not that large")
    for sibling in path:
        need(last > 0, "the path is too long")
        if at & 1 or at == last:
            node = sha256(b"\1", sibling, node)
            while not at & 1 and at: at, last = at >> 1, last >> 1
        else: node = sha256(b"\1", node, sibling)
        at, last = at >> 1, last >> 1
    need(last == 0, "the path is too short")
    return node
def passkey(body, signature, message):  # WebAuthn: the challenge is the digest of the message
    a = parse(signature)
    data, client, sig = (b64(a[name], url=True) for name in ("authenticatorData", "clientDataJSON", "signature"))
    said, key, over = parse(client), b64(body["public_key"], url=True), data + sha256(client)
    need(said["type"] == "webauthn.get" and said["origin"] == body["origin"] and said.get("crossOrigin") is not True
         and b64(said["challenge"], url=True) == sha256(message) and data[:32] == sha256(body["rp_id"].encode()) and data[32] & 5 == 5,
         "the passkey has signed something else")
    form, x, middle, y = key[:10].hex(), key[10:42], key[42:45].hex(), key[45:]  # a COSE key, in the one form that CTAP2 allows
    if form == "a5010203262001215820" and middle == "225820" and len(y) == 32:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\4" + x + y).verify(sig, over, ec.ECDSA(SHA256()))
    n, end = key[11:-5], key[-5:].hex()  # RSA: the modulus after its length, and the exponent 65537
    if form[:18] == "a40103033901002059" and int.from_bytes(key[9:11]) == len(n) and end == "2143010001":
        return rsa.RSAPublicNumbers(65537, int.from_bytes(n)).public_key().verify(sig, over, padding.PKCS1v15(), SHA256())
    need(form == "a4010103272006215820" and len(key) == 42, "a key of an unknown kind")
    edwards(x, sig, over)

def by_actor(envelope, known):  # DSSE, by the statement that made the key known
    kind, body, sig, payload = known["kind"], known["body"], envelope["signatures"], b64(envelope["payload"])
    message = b"DSSEv1 %d %s %d %s" % (len(envelope["payloadType"]), envelope["payloadType"].encode(), len(payload), payload)
    need(len(sig) == 1, "one signature is wanted")
    need(kind in ("warehouse-created", "party-added", "passkey-registered"), "this statement makes no key known")
    need((body["name"] if kind == "party-added" else known["actor"]) == parse(payload)["actor"], "the key is another party's")
    if kind == "passkey-registered":
        need(sig[0]["keyid"] == "passkey:" + sha256(b64(body["credential"], url=True)).hex(), "signed with another passkey")
        return passkey(body, b64(sig[0]["sig"]), message)
    edwards(b64(body["signing"].removeprefix("ed25519:")), b64(sig[0]["sig"]), message)
def proven(path, args, keys=(), least=0):  # c2sp.org/tlog-proof: index, envelope, statement, and how many witnesses
    with open(path, encoding="utf-8", newline="") as file: head, note = file.read().split("\n\n", 1)
    form, extra, index, *hashes = head.split("\n")
    need(form == "c2sp.org/tlog-proof@v1" and extra.startswith("extra ") and index == f"index {int(index[6:])}", "no proof of a statement")
    envelope, text = b64(extra[6:]), signed(note, args.ledger_key)
    need(text, "the ledger has not signed this checkpoint")
    origin, size, top = text.split("\n")[:3]
    need(origin == args.ledger_key.split("+")[0] and size == str(int(size)), "a checkpoint of another ledger")
    need(root(int(index[6:]), int(size) - 1, sha256(b"\0", envelope), [b64(h) for h in hashes]) == b64(top), "the statement is not in the ledger")
    count = sum(signed(note, witness) is not None for witness in set(keys))
    need(count >= least, f"{count} of the witnesses have cosigned, not {least}")
    need((envelope := parse(envelope))["payloadType"] == "application/vnd.rempart.statement+json", "no statement")
    return int(index[6:]), envelope, parse(b64(envelope["payload"])), count

parser = argparse.ArgumentParser(description=__doc__)
for name in ("ledger_key", "proof", "--known", "--witnesses"): parser.add_argument(name)
parser.add_argument("--witness", action="append", default=[], help="a witness's key; may be repeated")
parser.add_argument("--need", type=int, default=0, help="how many of the witnesses must have cosigned")
args = parser.parse_args()
try:
    if args.witnesses:
        named = proven(args.witnesses, args)[2]
        need(named["kind"] == "witnesses-set", "this statement names no witnesses")
        args.witness, args.need = [w["key"] for w in named["body"]["witnesses"]], max(args.need, named["body"]["threshold"])
    index, envelope, statement, count = proven(args.proof, args, args.witness, args.need)
    if args.known:
        before, _, known, _ = proven(args.known, args)
        need(before <= index, "the key was made known later")
        by_actor(envelope, known)
except Exception as fault:  # whatever does not parse proves nothing
    raise SystemExit(f"NOT proven: {fault or type(fault).__name__}")
print(json.dumps(statement, indent=2))  # in ASCII: it obeys no terminal
who = "signed by its actor's key" if args.known else "its signature was not asked for (--known)"
print(f"Proven: statement {index} is in the ledger {args.ledger_key.split('+')[0]}; {count} witnesses; {who}.")
