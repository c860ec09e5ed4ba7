"""Reads test/vectors/ledger/pairing.json from standard input and makes all of it again from docs/ref/ledger.md alone."""

import hashlib
import hmac
import json
import subprocess
import sys
import zlib

BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def data(text):
    return bytes.fromhex(text[2:])


def base45(text):
    out = b""
    for at in range(0, len(text), 3):
        digits = [BASE45.index(character) for character in text[at : at + 3]]
        value = sum(digit * 45**place for place, digit in enumerate(digits))
        out += value.to_bytes(2 if len(digits) == 3 else 1, "big")
    return out


def hkdf(ikm, salt, info):
    """RFC 5869, for 32 bytes."""
    extracted = hmac.digest(salt, ikm, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def aes(key, block):
    command = ["openssl", "enc", "-aes-256-ecb", "-nopad", "-K", key.hex()]
    return subprocess.run(command, input=block, capture_output=True, check=True).stdout


def aes_key_wrap(key, plain):
    """RFC 3394, 2.2.1."""
    blocks = [plain[at : at + 8] for at in range(0, len(plain), 8)]
    a = b"\xa6" * 8
    for step in range(6 * len(blocks)):
        at = step % len(blocks)
        out = aes(key, a + blocks[at])
        a = (int.from_bytes(out[:8], "big") ^ (step + 1)).to_bytes(8, "big")
        blocks[at] = out[8:]
    return a + b"".join(blocks)


vector = json.load(sys.stdin)
wallet = vector["wallet"]
info = b"EncroCam key-encryption key\0" + data(wallet["address"])
kek = hkdf(data(wallet["privateKey"]), data(vector["salt"]), info)
purposes = {"recordings": 1, "live": 2}
keys = [
    {
        "id": "0x" + hashlib.sha256(b"EncroCam video key\0" + data(key["key"])).digest()[:16].hex(),
        "wrapped": "0x"
        + aes_key_wrap(
            kek,
            key["counter"].to_bytes(8, "big") + bytes([purposes[key["purpose"]]]) + bytes(7) + data(key["key"]),
        ).hex(),
    }
    for key in vector["keys"]
]
fields = [code.split("/", 4) for code in vector["codes"]]
assert all(field[0] == "ENCROCAM1" and int(field[3]) == len(fields) for field in fields)
deflated = b"".join(base45(field[4]) for field in sorted(fields, key=lambda field: int(field[2])))
assert {field[1] for field in fields} == {hashlib.sha256(deflated).hexdigest()[:8].upper()}
message = zlib.decompress(deflated, -15).decode()
members = json.loads(message)
del members["signature"]
# No number or name is in the message that Python writes or sorts otherwise than RFC 8785 says.
canonical = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
signed = "EncroCam pairing " + hashlib.sha256(canonical).hexdigest()
json.dump({"kek": "0x" + kek.hex(), "keys": keys, "message": message, "signedText": signed}, sys.stdout)
