"""What docs/ref/encrocrypt3.md says and runtime/sharing/encrocrypt3.py, which it borrows the parser of, does not do by itself.

    headers FILE            [[offset, bytes], …] on standard input: which of these packets are headers that keep all rules
    unwrap FILE ID KEY      the nodes that a symmetric key opens, for `encrocrypt3.py decrypt --nodes`
    index FILE              what the last note `index` says: [[time, offset], …]
"""
import itertools
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../runtime/sharing"))
import encrocrypt3 as reader  # noqa: E402
from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: E402


def headers(data):
    return [is_header(data[offset + 7:offset + length]) for offset, length in json.load(sys.stdin)]


def is_header(body):
    try:
        return bool(reader.Header(body))
    except ValueError:
        return False


def unwrap(data, id_, key):
    header = reader.Header(next(packet for kind, packet in packets(data) if kind == reader.HEADER)[7:])
    for wrapped in header.sealed[2]:
        if wrapped[:16].hex() == id_:
            associated = b"EncroCrypt3 wrap\0" + header.run
            secret = AESGCM(bytes.fromhex(key)).decrypt(wrapped[16:28], wrapped[28:], associated)
            assert reader.mac(secret, b"EncroCrypt3 commitment\0", header.run) == header.commitment
            root = reader.mac(secret, b"EncroCrypt3 root\0", header.run)
            return [{"depth": 0, "index": 0, "key": root.hex()}]


def index(data):
    notes = [json.loads(packet[13:]) for kind, packet in packets(data) if kind == reader.NOTE]
    last = [note for note in notes if note["what"] == "index"][-1]
    return [*zip(itertools.accumulate(last["times"]), itertools.accumulate(last["offsets"]))]


def packets(data):
    return reader.packets(data, lambda kind, packet: None)


what, file, *arguments = sys.argv[1:]
with open(file, "rb") as recording:
    print(json.dumps({"headers": headers, "unwrap": unwrap, "index": index}[what](recording.read(), *arguments)))
