"""Makes tokens.tsv with Python's hmac, apart from the Go code.

The inputs are already normalised here: this file states what the normal forms
must be, and the formulas of the package comment in another language.

    python3 vectors.py > tokens.tsv
"""

import base64
import hashlib
import hmac

US = b"\x1f"


def mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()[:16]


def subkey(secret: bytes, use: str) -> bytes:
    """HKDF-SHA-256 (RFC 5869), no salt, 32 bytes: one block."""
    extracted = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    info = b"rempart/v1/pseudonym/" + use.encode()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


PROVIDER, AUTHORITY, LOCAL = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))

# raw traits (nir, ssn, foin, last, birth, first, date, sex) and their normal forms
# (identifier kind, identifier, name, first, date, sex), soundex of name and first
PEOPLE = [
    ("2 95 10 99 126 111 93", "", "", "Müller-Œstberg", "", "Anne-Laure", "14/10/1995", "2",
     "nir", "2951099126111", "MULLEROESTBERG", "ANNELAURE", "1995-10-14", "F", "M462", "A546"),
    ("253072b07300470", "", "", "Rossi", "d'Ornano", "Maria", "1953-07-01", "Femme",
     "nir", "253072B073004", "ORNANO", "MARIA", "1953-07-01", "F", "O655", "M600"),
    ("", "999-17-5017", "", "Gómez206", "", "José Eduardo181", "1989-05-20", "M",
     "ssn", "999175017", "GOMEZ", "JOSEEDUARDO", "1989-05-20", "M", "G520", "J236"),
    ("255081416802538", "999-17-5017", "AbC123-foin", "Lefèvre", "", "Zoé", "19550801", "f",
     "nir", "2550814168025", "LEFEVRE", "ZOE", "1955-08-01", "F", "L116", "Z000"),
    ("", "", "", "Le Febvre", "", "Zoë", "1955-08-01", "female",
     "", "", "LEFEBVRE", "ZOE", "1955-08-01", "F", "L116", "Z000"),
    ("", "999175017", "", "", "", "Zoé", "1955-08-01", "U",
     "ssn", "999175017", "", "", "", "", "", ""),
    ("", "", " AbC123-foin ", "de la Tour d'Auvergne", "", "Jean-Luc, Pierre", "1955-38-00", "M",
     "foin", "AbC123-foin", "LATOURAUVERGNE", "JEANLUC", "1955-08-00", "M", "", ""),
]

RECORDS = [("encounters", "8d4c4326-e9de-4f45-9a4c-f8c36bff89ae"), ("séjours", "0042"), ("a", "b"), ("ab", "")]


def main() -> None:
    print("# made by vectors.py: secrets are the bytes 00..1f (provider), 20..3f (authority), 40..5f (local)")
    for p in PEOPLE:
        raw, (kind, number, name, first, date, sex, sname, sfirst) = p[:8], p[8:]
        messages = [
            ("identifier", US.join([kind.encode(), number.encode()]) if kind else None),
            ("traits", US.join(x.encode() for x in (name, first, date, sex)) if name else None),
            ("phonetics", US.join(x.encode() for x in (sname, sfirst, date, sex)) if sname else None),
        ]
        cells = list(raw)
        for (use, message), letter in zip(messages, b"ABC"):
            if message is None:
                cells += ["0" * 32, "0" * 32]
                continue
            first_pass = mac(subkey(PROVIDER, use), message)
            second = mac(subkey(AUTHORITY, "second"), bytes([letter]) + US + first_pass)
            cells += [first_pass.hex(), second.hex()]
        print("person", *cells, sep="\t")
    for domain, value in RECORDS:
        d = domain.encode()
        digest = mac(subkey(LOCAL, "local"), len(d).to_bytes(8, "big") + d + value.encode())
        text = base64.urlsafe_b64encode(digest).decode().rstrip("=") if value else ""
        print("record", domain, value, text, sep="\t")


main()
