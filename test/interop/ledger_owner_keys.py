"""Reads test/vectors/ledger/owner-keys.json from standard input and opens what is in it from docs/ref alone.

Opening is by python3-cryptography; the header is taken apart by the second reader of EncroCrypt3.
"""

import hashlib
import hmac
import json
import os
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../runtime/sharing"))
import encrocrypt3  # noqa: E402


def data(text):
    return bytes.fromhex(text[2:])


def key_id(key):
    return hashlib.sha256(b"EncroCam video key\0" + key).digest()[:16]


vector = json.load(sys.stdin)
header = encrocrypt3.Header(data(vector["header"])[7:])
key = data(vector["recordings"])
(wrapped,) = [field for field in header.sealed[2] if field[:16] == key_id(key)]
secret = AESGCM(key).decrypt(wrapped[16:28], wrapped[28:], b"EncroCrypt3 wrap\0" + header.run)
assert hmac.digest(secret, b"EncroCrypt3 commitment\0" + header.run, "sha256") == header.commitment
root = hmac.digest(secret, b"EncroCrypt3 root\0" + header.run, "sha256")

live_key, live = data(vector["live"]), json.loads(vector["liveFile"])
assert live["format"] == "EncroCam live 1" and data(live["key"]) == key_id(live_key)
sealed = AESGCM(live_key).decrypt(data(live["nonce"]), data(live["sealed"]), b"EncroCam live\0" + data(live["run"]))
nodes = [
    {"depth": sealed[at], "index": int.from_bytes(sealed[at + 1 : at + 5], "big"), "key": "0x" + sealed[at + 5 : at + 37].hex()}
    for at in range(0, len(sealed), 37)
]
# What the nodes open is what the root opens.
given = {(node["depth"], node["index"]): data(node["key"]) for node in nodes}
for segment in range(6, 10):
    expected = encrocrypt3.segment_key({(0, 0): root}, segment) if segment in (7, 8) else None
    assert encrocrypt3.segment_key(given, segment) == expected, segment
print(json.dumps({"secret": "0x" + secret.hex(), "root": "0x" + root.hex(), "nodes": nodes}))
