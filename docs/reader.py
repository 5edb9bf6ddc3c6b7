"""Reads a release without Rempart: with stock age and pyarrow, by docs/formats.md.

    python reader.py HOST_DIRECTORY ESCROW_KEY_FILE

It opens each object in the host's directory with the escrow identity, finds the
manifests of releases, and counts the rows of their tables. Plaintext stays in
memory. `age` must be 1.3 or later: older ones do not know post-quantum keys.

Anybody can seal something to the escrow. That a manifest is genuine, the ledger
says: compare the digest that is printed with the statement release-published.
"""
import hashlib
import io
import json
import pathlib
import subprocess
import sys

import pyarrow.parquet as parquet

host, escrow = pathlib.Path(sys.argv[1]), sys.argv[2]


def opened(path, first=None):
    """The plaintext of an object, or None where it does not begin with first."""
    with subprocess.Popen(["age", "--decrypt", "-i", escrow, str(path)], stdout=subprocess.PIPE) as age:
        head = age.stdout.read(1)
        if first is not None and head != first:
            age.kill()
            return None
        plain = head + age.stdout.read()
    if age.returncode:
        sys.exit(f"{path.name} does not open with this key")
    return plain


def digest(path):
    with open(path, "rb") as sealed:
        return hashlib.file_digest(sealed, "sha256").hexdigest()


for path in sorted(host.iterdir()):
    plain = opened(path, first=b"{")  # a manifest is JSON; tables begin with PAR1
    if plain is None:
        continue
    manifest = json.loads(plain)  # the spaces after its end are padding
    if "tables" not in manifest:  # what the checks of quality found is JSON too
        continue
    print(f"release {manifest['release']}, OMOP CDM {manifest['cdm']}, manifest {digest(path)}")
    for table in manifest["tables"]:
        sealed = host / table["object"]["name"]
        if digest(sealed) != table["object"]["sha256"]:
            sys.exit(f"{sealed.name} is not the object that the manifest names")
        rows = parquet.ParquetFile(io.BytesIO(opened(sealed))).metadata.num_rows
        if rows != table["rows"]:
            sys.exit(f"{table['name']} has {rows} rows, not {table['rows']}")
        print(f"  {table['name']:24}{rows:10} rows")
