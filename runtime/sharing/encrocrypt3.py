#!/usr/bin/env python3
"""Reads and verifies EncroCrypt3 recordings, written from docs/ref/encrocrypt3.md alone.

    encrocrypt3.py verify FILE --camera camera.public.asc [--from MS --to MS]
    encrocrypt3.py decrypt FILE [--nodes nodes.json] [--from MS --to MS] > video

Where FILE holds only a part of a run, --from and --to (milliseconds since the run began) say which.
Needs Python 3.9, gpg, and python3-cryptography. Secret keys are those of gpg's own keyring (GNUPGHOME).
`verify` prints JSON; `decrypt` prints only what authenticates. Exit code: 0; 2 for wrong usage; 1 where something is not as
recorded, was added, stands twice or in another order, cannot be read, or nothing opens. Where a signed packet was copied to another
place, less may be intact here than for `encrocam verify`. The file `camera` must hold one key; whose it is, is for you to know.
"""
import argparse, hashlib, hmac, json, os, subprocess, sys, tempfile, time  # noqa: E401

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

MARKER, MAGIC = b"EC3", b"__EncroCrypt3"
HEADER, CHECKPOINT, FINAL, CERTIFICATE, NOTE = 0x01, 0x02, 0x03, 0x04, 0x10
TREE_DEPTH, MAX_START_MS = 12, 253402284022785
# Type -> least and greatest length of the body.
LIMITS = {HEADER: (1, 213080), CHECKPOINT: (142, 142), FINAL: (106, 106), CERTIFICATE: (81, 16464), NOTE: (7, 4102),
          0x20: (19, 4114), 0x21: (19, 4114), **dict.fromkeys(range(0x80, 0x84), (19, 10485778))}
# Statement fields: tag -> (lengths or None for any, must be there).
FIELDS = {1: ((1,), True), 2: ((20, 32), True), 3: ((16,), True), 4: (None, True), 5: ((48,), False),
          6: ((8,), True), 7: ((5,), True), 8: (None, True), 9: (None, False), 10: ((4,), True),
          11: ((4,), True), 12: ((17, 21, 33), True), 13: ((32,), True), 14: ((32,), True), 15: (None, False)}

def u(data): return int.from_bytes(data, "big")
def sha256(*parts): return hashlib.sha256(b"".join(parts)).digest()
def mac(key, *parts): return hmac.new(key, b"".join(parts), hashlib.sha256).digest()

def fields(data, rules, many):
    """{tag: [values]} of a list of fields that keeps the rules."""
    found, position, last = {}, 0, -1
    while position < len(data):
        tag, length = data[position], u(data[position + 1:position + 3])
        value = data[position + 3:position + 3 + length]
        lengths = rules[tag][0] if tag in rules else None if tag >= 0x80 else ()  # Of an unknown one none is right.
        is_wrong = lengths is not None and length not in lengths or tag == last and tag in rules and tag not in many
        if position + 3 > len(data) or len(value) != length or tag < last or is_wrong:
            raise ValueError("bad field")
        if tag in rules:
            found.setdefault(tag, []).append(value)
        last, position = tag, position + 3 + length
    if any(needed and tag not in found for tag, (_, needed) in rules.items()):
        raise ValueError("missing field")
    return found

class Header:
    def __init__(self, body):
        if not body.startswith(MAGIC):
            raise ValueError("no magic")
        parts, position = [], len(MAGIC)
        for most in (0xFFFF, 131072, 16384):
            part = body[position + 4:position + 4 + (length := u(body[position:position + 4]))]
            if len(body) < position + 4 or len(part) != length or length > most:
                raise ValueError("bad part")
            position += 4 + length
            parts.append(part)
            if len(parts) == 2: self.hash = sha256(b"EncroCrypt3 header\0", body[len(MAGIC):position])  # noqa: E701
        found = fields(parts[0], FIELDS, {12})
        one = {tag: values[0] for tag, values in found.items()}
        is_good = all((
            one[1] == b"\x01", u(one[6]) <= MAX_START_MS, one[7][0] <= 2,
            all(1 <= len(one[tag]) <= most and one[tag].decode() for tag, most in ((4, 255), (15, 512)) if tag in one),
            one[8] in (b"video/mp2t", b"video/mp4"), (one[8] == b"video/mp4") == (9 in one), one.get(9) != b"",
            10000 <= u(one[10]) <= 3600000, 1000 <= u(one[11]) <= 60000, len(found[12]) <= 32,
            all((r[0], len(r)) in ((1, 21), (1, 33), (2, 17)) for r in found[12])))
        if not is_good or len(body) - position != 64:
            raise ValueError("what cannot be")
        self.sealed = fields(parts[1], {1: (None, False), 2: ((76,), False)}, {2})
        self.run, self.segment_ms, self.commitment = one[3], u(one[10]), one[13]
        self.checkpoint_ms, self.previous = u(one[11]), one.get(5, b"")
        self.key, self.initialisation = Ed25519PublicKey.from_public_bytes(one[14]), one.get(9, b"")
        self.camera, self.signature, self.start_ms = one[2].hex().upper(), parts[2], u(one[6])
        if not self.signed(b"EncroCrypt3 run\0" + self.hash, body[position:]):
            raise ValueError("wrong run signature")
    def signed(self, data, signature):
        try:
            return self.key.verify(signature, data) is None
        except InvalidSignature:
            return False

def packets(data, genuine):
    """Yields (type, whole packet); `genuine` says whether a packet, other than a header, is one, None where nobody knows."""
    position = data.find(MARKER)
    while position >= 0:
        if position + 7 <= len(data):
            kind, end = data[position + 3], position + 7 + u(data[position + 4:position + 7])
            if (range_ := LIMITS.get(kind)) and range_[0] <= end - position - 7 <= range_[1] and end <= len(data):
                packet = data[position:end]
                try:
                    verdict = Header(packet[7:]) if kind == HEADER else genuine(kind, packet)
                except ValueError:
                    verdict = False
                if verdict or (verdict is None and MARKER.startswith(data[end:end + 3])):
                    yield kind, packet
                    position = data.find(MARKER, end)
                    continue
        position = data.find(MARKER, position + 1)

def root_of(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1", root_of(leaves[:half]), root_of(leaves[half:]))

class Run:
    """Verifies one run without any secret."""
    def __init__(self, header):
        self.header, self.standing, self.told, self.previous, self.number, self.settled, self.ms = header, [], [], header.hash, 0, 0, 0
        self.ended, self.forked, self.certificates, self.reach, self.copies = False, False, [], {header.hash: 0}, {}
    def tell(self, verdict, to):
        to = max(to, self.ms)
        if not self.told or self.told[-1][0] != verdict:
            self.told.append([verdict, self.ms, to])
        self.told[-1][2] = self.ms = to
    def is_signed(self, kind, body):
        label, length = (b"EncroCrypt3 checkpoint\0", 78) if kind == CHECKPOINT else (b"EncroCrypt3 final\0", 42)
        may_be = len(body) == length + 64 and (kind != FINAL or 1 <= body[9] <= 6)
        return may_be and self.header.signed(label + self.header.run + body[:length], body[length:])
    def sign(self, kind, b):
        """Takes a checkpoint, or a final as one that covers nothing. It speaks of what stands since the last one, and of nothing else."""
        number, first, count, from_, to, previous, root = \
            (u(b[:3]), u(b[3:6]), u(b[6:8]), u(b[8:11]), u(b[11:14]), b[14:46], b[46:78]) if kind == CHECKPOINT else \
            (u(b[:3]), u(b[3:6]), 0, u(b[6:9]), u(b[6:9]), b[10:42], sha256())
        standing, self.standing = self.standing, []
        if number < self.number or self.ended:
            return self.tell("tampered", 0)
        covered = standing[max(0, len(standing) - count):] if count else []
        whole = [p[0] for p in covered] == [*range(first, first + count)] and root_of([p[1] for p in covered]) == root
        found = count if whole else sum(first <= p[0] < first + count for p in standing)
        others, lacking = len(standing) - found, first - self.settled
        if (number, first, previous) != (self.number, self.settled, self.previous) or to < from_:
            # Damage takes time or packets away with a checkpoint; else somebody had the run's key.
            unlost = number == self.number or lacking < 0 or lacking == 0 and from_ <= self.ms
            self.forked |= unlost
            self.tell("tampered" if unlost or others else "missing", from_)
            others = 0
        if kind == CHECKPOINT or others:
            self.tell("intact" if whole and not others and not self.forked else "tampered" if found + others else "missing", to)
        self.number, self.settled, self.ended = number + 1, first + count, kind == FINAL
        self.previous = sha256(b"EncroCrypt3 link\0", self.header.run, b)
        self.reach[self.previous] = to
    def judge(self, camera):
        """Who vouches for it. @returns how many bytes of copies of the header and of certificates speak for nothing."""
        if self.standing:
            due = min(self.ms + self.header.checkpoint_ms, self.standing[-1][2])
            self.tell(*("tampered", 0) if self.ended else ("unfinished", due))
        line, name, self.to = "EncroCrypt3 header %s\n" % self.header.hash.hex(), self.header.camera, None
        genuine = next((s for s in self.copies if s and gpg_verifies(line, s, camera, name)), b"")
        self.state = "signed" if genuine else "locked" if b"" in self.copies else "not authentic"
        skipped = 0 if self.state == "not authentic" else sum(self.copies.values()) - self.copies[genuine]
        for body, reach in self.certificates:
            line = "EncroCrypt3 certificate %s %s %s\n" % (body[:16].hex(), body[16:48].hex(), body[48:80].hex())
            may_be = self.state in ("locked", "certified") and body[:16] == self.header.run
            if not may_be or not gpg_verifies(line, body[80:], camera, name):
                skipped += len(body) + 7
            elif reach is not None:
                self.state, self.to = "certified", max(reach, self.to or 0)
        return skipped
    def report(self, low, high, is_followed):
        header, about = self.header, {} if self.to is None else {"certifiedToMs": self.to}
        told, good, end = [tuple(s) for s in self.told], self.ended or is_followed, self.ms
        if high is not None:  # What lies beside the part is not in this file: nothing is said of it.
            end = min(high, self.ms) if self.ended else high
            told = [(v, max(f, low), min(t, end)) for v, f, t in told
                    if max(f, low) < min(t, end) or low <= f == t <= end]
            good = sum(t - f for _, f, t in told) == end - low > 0
            about.update({key: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((header.start_ms + ms) // 1000))
                          for key, ms in (("from", low), ("to", end))})
        vouched = self.state == "signed" or self.state == "certified" and self.to >= end
        self.good = good and vouched and all(s[0] == "intact" for s in told)
        return {"camera": header.camera, "state": self.state, "ended": self.ended, "stretches": ["%s %d-%d" % s for s in told], **about}

def gpg_verifies(line, signature, camera, fingerprint):
    """Whether the key in the file `camera` made this detached signature. A second key there may be a forger's."""
    with tempfile.TemporaryDirectory() as home:
        gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--status-fd", "1"]
        subprocess.run(gpg + ["--import", "--", camera], capture_output=True)
        listed = subprocess.run(gpg + ["--with-colons", "--list-keys"], capture_output=True).stdout.decode("latin-1").split("\n")
        if (count := sum(key.startswith("pub:") for key in listed)) != 1:
            sys.exit("%s holds %d OpenPGP keys: it must hold the camera's, and no other" % (camera, count))
        file = os.path.join(home, "line.sig")
        open(file, "wb").write(signature)
        result = subprocess.run(gpg + ["--verify", file, "-"], input=line.encode(), capture_output=True)
    status = [s.split()[1:] for s in result.stdout.decode("latin-1").splitlines() if s.startswith("[GNUPG:] ")]
    said = [s[0] for s in status if s[0] in ("GOODSIG", "EXPKEYSIG", "EXPSIG", "REVKEYSIG", "BADSIG", "ERRSIG")]
    valid = [s for s in status if s[0] == "VALIDSIG"]
    if said not in (["GOODSIG"], ["EXPKEYSIG"]) or len(valid) != 1 or valid[0][-2:] != ["00", fingerprint]:
        return False
    keys, at = [s.split(":") for s in listed if s[:4] in ("pub:", "sub:", "fpr:")], int(valid[0][3])
    used = [k for k, f in zip(keys, keys[1:]) if f[0] == "fpr" and f[9] in (valid[0][1], fingerprint)]
    return all(int(k[5]) <= at and (not k[6] or at < int(k[6])) for k in used)

def verify(data, camera):
    """The runs of a file, and what is wrong with it beside them."""
    runs, seen, size = [], set(), 0
    def genuine(kind, packet):
        if not runs or kind >= NOTE:
            return None if runs else False
        if kind == CERTIFICATE:
            return len(packet) > 87 and packet not in seen and any(run.header.hash == packet[23:55] for run in runs)
        return runs[-1].is_signed(kind, packet[7:])

    for kind, packet in packets(data, genuine):
        body, size = packet[7:], size + len(packet)
        if kind == HEADER:
            header = Header(body)
            if not runs or runs[-1].header.hash != header.hash:
                runs.append(Run(header))
            runs[-1].copies[header.signature] = runs[-1].copies.get(header.signature, 0) + len(packet)
        elif kind in (CHECKPOINT, FINAL):
            runs[-1].sign(kind, body)
        elif kind == CERTIFICATE:
            seen.add(packet)
            named = next(run for run in runs if run.header.hash == body[16:48])
            named.certificates.append((body, named.reach.get(body[48:80])))
        else:
            runs[-1].standing.append((u(packet[7:10]), sha256(b"\0", packet), u(packet[10:13])))
    skipped = len(data) - size + sum(run.judge(camera) for run in runs)
    problems = ("%d bytes that belong to nothing" % skipped if skipped else "",
                "a run stands in it more than once" if len(runs) > len({run.header.hash for run in runs}) else "",
                "a run does not follow the one before it" if not all(map(follows, runs, runs[1:])) else "")
    return runs, [problem for problem in problems if problem]
def follows(run, next_):
    return next_.header.previous == run.header.run + run.previous and run.header.start_ms + run.ms <= next_.header.start_ms + 1000

def segment_key(nodes, segment):
    """From {(depth, index): key}, or None where no node is above the segment."""
    for depth in range(TREE_DEPTH + 1):
        key = nodes.get((depth, segment >> (TREE_DEPTH - depth)))
        if key and 0 <= segment < 2**TREE_DEPTH:
            for deeper in range(depth + 1, TREE_DEPTH + 1):
                key = mac(key, b"EncroCrypt3 node\0", bytes([deeper]), (segment >> (TREE_DEPTH - deeper)).to_bytes(4, "big"))
            return mac(key, b"EncroCrypt3 segment\0")[:16]

def nodes_of(header):
    message, gpg = header.sealed.get(1, [b""])[0], ["gpg", "--batch", "--quiet", "--decrypt"]
    secret = subprocess.run(gpg, input=message, stdout=subprocess.PIPE).stdout
    if mac(secret, b"EncroCrypt3 commitment\0", header.run) != header.commitment:
        raise SystemExit("the secret is not this run's")
    return {(0, 0): mac(secret, b"EncroCrypt3 root\0", header.run)}

def decrypt(data, given, out, low, high):
    header, nodes, seen, count = None, {}, -1, 0
    def open_(kind, packet):
        if kind < NOTE or header is None: return kind < NOTE  # noqa: E701
        segment = u(packet[10:13]) // header.segment_ms
        key = segment_key(nodes, segment - (segment & 1 != kind & 1))
        if kind == NOTE or key is None:
            return None
        cipher = Cipher(algorithms.AES(key), modes.GCM(bytes(9) + packet[7:10], packet[-12:], 12)).decryptor()
        cipher.authenticate_additional_data(header.run + packet[:13])
        try:
            return (cipher.update(packet[13:-12]) + cipher.finalize(),)
        except InvalidTag:
            return False

    for kind, packet in packets(data, open_):
        if kind == HEADER:
            found = Header(packet[7:])
            if header is None or header.hash != found.hash:
                header, seen, nodes = found, -1, given or nodes_of(found)
                out.write(header.initialisation)
        elif kind >= 0x80:
            is_wanted = u(packet[7:10]) > seen and low <= u(packet[10:13]) < (high or 2**24)
            if is_wanted and (opened := open_(kind, packet)):
                seen, count = u(packet[7:10]), count + 1
                out.write(opened[0])
    return count

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["verify", "decrypt"])
    parser.add_argument("file")
    parser.add_argument("--camera", help="file with the camera's public key")
    parser.add_argument("--nodes", help='JSON: [{"depth": 0, "index": 0, "key": "hex"}, ...]')
    parser.add_argument("--from", dest="low", type=int, default=0, help="milliseconds since the run began")
    parser.add_argument("--to", dest="high", type=int, help="the same; itself not included")
    options = parser.parse_args()
    sys.excepthook = lambda kind, error, _: print("%s: %s" % (kind.__name__, error), file=sys.stderr)
    data = open(options.file, "rb").read()
    if options.command == "verify":
        runs, problems = verify(data, options.camera or parser.error("verify needs --camera"))
        followed = zip(runs, [*map(follows, runs, runs[1:]), False])
        print(json.dumps([run.report(options.low, options.high, is_followed) for run, is_followed in followed], indent=2))
        print("".join(problem + "\n" for problem in problems), end="", file=sys.stderr)
        sys.exit(0 if runs and not problems and all(run.good for run in runs) else 1)
    nodes = json.load(open(options.nodes)) if options.nodes else []
    given = {(n["depth"], n["index"]): bytes.fromhex(n["key"]) for n in nodes}
    if not decrypt(data, given, sys.stdout.buffer, options.low, options.high):
        sys.exit("nothing of it opens")

if __name__ == "__main__": main()  # noqa: E701
