"""Verifies a proof of a statement without Rempart, by docs/ledger.md.

    python verify.py LEDGER_KEY statement-12.tlog-proof
        [--known statement-3.tlog-proof] [--witness KEY ...] [--need K]

LEDGER_KEY is ledger_key of rempart.toml. The proof is https://c2sp.org/tlog-proof, its extra data the statement's
envelope. Verified are: the checkpoint's signature (https://c2sp.org/signed-note), cosignatures of the witnesses whose
keys are given (https://c2sp.org/tlog-cosignature), of whom at least K must have signed, that the envelope is in the tree
(RFC 9162, 2.1.3.2), and, where --known is the proof of the statement that made the actor's key known
(warehouse-created, party-added or passkey-registered), the actor's signature. It needs the package cryptography.
"""
import argparse
import base64
import hashlib
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa


def need(holds, why):
    if not holds:
        raise ValueError(why)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def b64(text, url=False):
    """The bytes of a base64 text, which has no other spelling."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4) if url else text, b"-_" if url else None, validate=True)
    again = base64.urlsafe_b64encode(raw).rstrip(b"=") if url else base64.b64encode(raw)
    need(again == text.encode(), "base64 in another spelling")
    return raw


def unique(pairs):
    need(len(dict(pairs)) == len(pairs), "a member stands twice")
    return dict(pairs)


def parse(text):
    return json.loads(text, object_pairs_hook=unique)


def ed25519_verify(key, signature, message):
    ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, message)


def signed(note, vkey):
    """The note's text, if the key has signed it, or None. Of a cosignature the time is part of what is signed."""
    name, _, public = vkey.split("+", 2)
    key, (text, lines) = b64(public), note.rsplit("\n\n", 1)
    text, ident = text + "\n", sha256(name.encode(), b"\n", key)[:4]
    for line in lines.removesuffix("\n").split("\n"):
        dash, signer, blob = line.split(" ")
        need(dash == "\u2014", "a signature line begins otherwise")
        raw = b64(blob)
        if signer == name and raw[:4] == ident:
            if key[0] == 4:  # cosignature/v1
                time = int.from_bytes(raw[4:12])
                ed25519_verify(key[1:], raw[12:], f"cosignature/v1\ntime {time}\n{text}".encode())
            else:
                need(key[0] == 1, "a key of an unknown kind")
                ed25519_verify(key[1:], raw[4:], text.encode())
            return text
    return None


def root(index, size, leaf, path):
    """The root of a tree of that size, by the path from a leaf to it."""
    need(index < size, "the tree is not that large")
    at, last, node = index, size - 1, leaf
    for sibling in path:
        need(last > 0, "the path is too long")
        if at & 1 or at == last:
            node = sha256(b"\1", sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = sha256(b"\1", node, sibling)
        at, last = at >> 1, last >> 1
    need(last == 0, "the path is too short")
    return node


def cbor(data, at=0):
    """The value at a place of a COSE key (integers, byte strings, a map), and where it ends."""
    kind, n, at = data[at] >> 5, data[at] & 31, at + 1
    if n >= 24:
        width = 1 << (n - 24)
        n, at = int.from_bytes(data[at:at + width]), at + width
    if kind == 2:
        return data[at:at + n], at + n
    if kind < 2:
        return (n if kind == 0 else -1 - n), at
    need(kind == 5, "no COSE key")
    pairs = {}
    for _ in range(n):
        key, at = cbor(data, at)
        pairs[key], at = cbor(data, at)
    return pairs, at


def passkey_verify(body, signature, message):
    """An assertion of WebAuthn, whose challenge is the digest of the message."""
    a = parse(signature)
    data, client, sig = (b64(a[name], url=True) for name in ("authenticatorData", "clientDataJSON", "signature"))
    said, key = parse(client), cbor(b64(body["public_key"], url=True))[0]
    need(said["type"] == "webauthn.get" and said["origin"] == body["origin"] and said.get("crossOrigin") is not True, "the passkey has signed something else")
    need(b64(said["challenge"], url=True) == sha256(message) and data[:32] == sha256(body["rp_id"].encode()) and data[32] & 5 == 5, "the passkey has signed something else")
    over = data + sha256(client)
    if key[3] == -7:
        numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(key[-2]), int.from_bytes(key[-3]), ec.SECP256R1())
        numbers.public_key().verify(sig, over, ec.ECDSA(hashes.SHA256()))
    elif key[3] == -257:
        public = rsa.RSAPublicNumbers(int.from_bytes(key[-2]), int.from_bytes(key[-1])).public_key()
        public.verify(sig, over, padding.PKCS1v15(), hashes.SHA256())
    else:
        need(key[3] == -8, "a key of an unknown kind")
        ed25519_verify(key[-2], sig, over)


def actor_verify(envelope, known):
    """The actor's signature, by the statement that made its key known."""
    kind, body, who, sig = known["kind"], known["body"], parse(b64(envelope["payload"]))["actor"], envelope["signatures"]
    message = b"DSSEv1 %d %s %d %s" % (len(envelope["payloadType"]), envelope["payloadType"].encode(),
                                       len(b64(envelope["payload"])), b64(envelope["payload"]))
    need(len(sig) == 1, "one signature is wanted")
    if kind == "passkey-registered":
        need(known["actor"] == who, "the key is another party's")
        need(sig[0]["keyid"] == "passkey:" + sha256(b64(body["credential"], url=True)).hex(), "signed with another passkey")
        return passkey_verify(body, b64(sig[0]["sig"]), message)
    need((known["actor"] if kind == "warehouse-created" else body["name"]) == who, "the key is another party's")
    need(kind in ("warehouse-created", "party-added"), "this statement makes no key known")
    ed25519_verify(b64(body["signing"].removeprefix("ed25519:")), b64(sig[0]["sig"]), message)


def verified(path, args):
    """The index, envelope and statement of a proof, and how many witnesses have cosigned."""
    with open(path, encoding="utf-8", newline="") as file:
        head, note = file.read().split("\n\n", 1)
    form, extra, index, *path = head.split("\n")
    need(form == "c2sp.org/tlog-proof@v1" and extra.startswith("extra ") and index == f"index {int(index[6:])}", "no proof of a statement")
    envelope, text = b64(extra[6:]), signed(note, args.ledger_key)
    need(text, "the ledger has not signed this checkpoint")
    origin, size, top = text.split("\n")[:3]
    need(origin == args.ledger_key.split("+")[0] and size == str(int(size)), "a checkpoint of another ledger")
    found = root(int(index[6:]), int(size), sha256(b"\0", envelope), [b64(h) for h in path])
    need(found == b64(top), "the statement is not in the ledger")
    count = sum(signed(note, witness) is not None for witness in set(args.witness))
    need(count >= args.need, f"{count} of the witnesses have cosigned, not {args.need}")
    envelope = parse(envelope)
    need(envelope["payloadType"] == "application/vnd.rempart.statement+json", "no statement")
    return int(index[6:]), envelope, parse(b64(envelope["payload"])), count


parser = argparse.ArgumentParser()
parser.add_argument("ledger_key")
parser.add_argument("proof")
parser.add_argument("--known", help="the proof of the statement that made the actor's key known")
parser.add_argument("--witness", action="append", default=[], help="a witness's key; may be repeated")
parser.add_argument("--need", type=int, default=0, help="how many of the witnesses must have cosigned")
args = parser.parse_args()
try:
    index, envelope, statement, count = verified(args.proof, args)
    if args.known:
        before, _, known, _ = verified(args.known, args)
        need(before <= index, "the key was made known later")
        actor_verify(envelope, known)
except Exception as fault:  # whatever does not parse proves nothing
    raise SystemExit(f"NOT proven: {fault or type(fault).__name__}")
print(json.dumps(statement, indent=2))  # in ASCII: it obeys no terminal
who = "signed by its actor's key" if args.known else "its signature was not asked for (--known)"
print(f"Proven: statement {index} is in the ledger {args.ledger_key.split('+')[0]}; {count} witnesses; {who}.")
