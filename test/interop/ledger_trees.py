"""Recomputes the ledger's trees with nothing but hashlib and docs/ref/ledger.md: leaves, roots by RFC 6962's recursion, ids, paths."""
import hashlib
import json
import sys


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def text(data):
    return "0x" + data.hex()


def data(hex_text):
    return bytes.fromhex(hex_text[2:])


def leaf(clip):
    return sha256(b"\x00EncroCam ledger leaf\x00", data(clip["run"]), data(clip["link"]), clip["recording"].encode())


def half(count):
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = half(len(leaves))
    return sha256(b"\x01", root(leaves[:k]), root(leaves[k:]))


def path(index, leaves):
    if len(leaves) == 1:
        return []
    k = half(len(leaves))
    if index < k:
        return path(index, leaves[:k]) + [root(leaves[k:])]
    return path(index - k, leaves[k:]) + [root(leaves[:k])]


answers = []
for tree in json.load(sys.stdin)["trees"]:
    leaves = [leaf(clip) for clip in tree["clips"]]
    top = root(leaves)
    numbers = tree["firstMs"].to_bytes(8, "big") + tree["lastMs"].to_bytes(8, "big") + len(leaves).to_bytes(4, "big")
    answers.append({
        "root": text(top),
        "tree": text(sha256(b"EncroCam ledger tree\x00", data(tree["camera"]), numbers, top)),
        "leaves": [text(one) for one in leaves],
        "paths": [[text(one) for one in path(index, leaves)] for index in range(len(leaves))],
    })
json.dump(answers, sys.stdout)
