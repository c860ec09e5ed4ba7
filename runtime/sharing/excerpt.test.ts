import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import path from 'node:path';
import test from 'node:test';
import { certificateOf, type SyntheticRun, signedRun } from '../../test/support/synthetic-run.ts';
import { PacketReader, RunOpener, rootOf } from '../encrocrypt/v3/index.ts';
import { loadSealingKeys } from '../pgp/seal.ts';
import { checkFile } from '../verifier/check-file.ts';
import type { CheckedRun } from '../verifier/timeline.ts';
import type { SharedRun } from './capability.ts';
import { type Excerpt, ExcerptFinder } from './excerpt.ts';
import { grantOf } from './grant.ts';
import { judgePart, type PartVerdict } from './judge-part.ts';

const keys = path.join(import.meta.dirname, '../../test/vectors/encrocrypt2');
const sealing = await loadSealingKeys(
  [path.join(keys, 'owner.public.asc')],
  path.join(keys, 'camera.secret.asc'),
);
const seconds = 60;
const run = await signedRun(sealing, { seconds, headerAgainAt: 100 });
const next = await signedRun(sealing, { seconds: 10, fill: 2 });

function partOf({ header, runId, secret }: SyntheticRun, fromMs: number, toMs: number): SharedRun {
  const known = { header, lengthMs: seconds * 1000 + 1, isEnded: true };
  const { segmentMs } = header.statement;
  return grantOf(known, { fromMs, toMs }, { runId, segmentMs, nodes: [rootOf(secret, runId)] });
}

function find(file: Buffer, wanted: SyntheticRun, part: SharedRun, chunkBytes = 4096): Excerpt {
  const finder = new ExcerptFinder(wanted.header, part);
  for (let at = 0; at < file.length; at += chunkBytes) finder.push(file.subarray(at, at + chunkBytes));
  const excerpt = finder.end();
  assert.ok(excerpt);
  return excerpt;
}

function cut(file: Buffer, { places }: Excerpt): Buffer {
  return Buffer.concat(places.map(({ offset, length }) => file.subarray(offset, offset + length)));
}

async function check(bytes: Buffer): Promise<CheckedRun> {
  const chunks = (async function* () {
    yield bytes;
  })();
  const { runs, skippedBytes } = await checkFile('part', chunks, sealing.signer.toPublic());
  assert.equal(skippedBytes, 0);
  const [only, second] = runs;
  assert.ok(only && !second);
  return only;
}

async function judge(file: Buffer, wanted: SyntheticRun, part: SharedRun): Promise<PartVerdict> {
  const excerpt = find(file, wanted, part);
  return judgePart(await check(cut(file, excerpt)), { fromMs: excerpt.fromMs, toMs: part.toMs });
}

/** Times of the packets that come out. */
function timesIn(bytes: Buffer, part: SharedRun, fromMs: number): { timeMs: number; isKeyFrame: boolean }[] {
  const reader = new PacketReader();
  const opener = new RunOpener(part);
  reader.push(bytes);
  reader.end();
  const times: { timeMs: number; isKeyFrame: boolean }[] = [];
  for (let item = reader.next(); item; item = reader.next()) {
    if (item.kind !== 'data' || item.timeMs < fromMs || item.timeMs >= part.toMs) continue;
    if (opener.open(item)) times.push({ timeMs: item.timeMs, isKeyFrame: item.isKeyFrame });
  }
  return times;
}

test('whatever the range, its excerpt is vouched for by itself, is no longer than it must be, and holds the video', async () => {
  const file = Buffer.concat([next.bytes, run.bytes]);
  for (let round = 0; round < 25; round++) {
    const [a, b] = [randomInt(seconds * 1000), randomInt(seconds * 1000)];
    const part = partOf(run, Math.min(a, b), Math.max(a, b) + 1);
    const what = `${part.fromMs} to ${part.toMs}`;
    const excerpt = find(file, run, part, 1 + randomInt(5000));
    const bytes = cut(file, excerpt);
    const { videoFromMs: startMs } = excerpt;
    assert.equal(excerpt.fromMs, startMs);
    assert.ok((await judge(file, run, part)).isSound, what);
    // A key frame stands every 2 s, a segment begins with one, and packets every 250 ms.
    const expected = Math.max(
      Math.floor(part.fromMs / 2000) * 2000,
      Math.floor(part.fromMs / 10_000) * 10_000,
    );
    assert.equal(startMs, expected, what);
    const times = timesIn(bytes, part, startMs);
    assert.equal(times[0]?.isKeyFrame, true, what);
    assert.equal(times.length, Math.ceil((part.toMs - startMs) / 250), what);
    const { stretches } = await check(bytes);
    const vouched = stretches.filter(({ verdict }) => verdict === 'intact');
    assert.deepEqual(vouched.length, 1);
    assert.ok(startMs - (vouched[0]?.fromMs ?? 0) < 5000 && (vouched[0]?.toMs ?? 0) - part.toMs < 5000, what);
  }
});

test('a part that reaches the end of its run has its end in it', async () => {
  const part = partOf(run, 50_500, seconds * 1000 + 1);
  const verdict = await judge(run.bytes, run, part);
  assert.deepEqual(verdict, {
    isSound: true,
    stretches: [{ verdict: 'intact', fromMs: 50_000, toMs: 60_000 }],
    toMs: 60_000,
  });
});

test('a whole run is kept as it is', () => {
  const part = partOf(run, 0, seconds * 1000 + 1);
  assert.deepEqual(cut(run.bytes, find(run.bytes, run, part)), run.bytes);
});

test('a run that was certified later takes along what leads to its certificate', async () => {
  const locked = await signedRun(sealing, { seconds, isLocked: true, fill: 3 });
  const certified = Buffer.concat([locked.bytes, await certificateOf(locked, sealing)]);
  const part = partOf(locked, 12_000, 21_000);
  assert.ok((await judge(certified, locked, part)).isSound);
  assert.ok(cut(certified, find(certified, locked, part)).length < certified.length * 0.75);
  const uncertified = await judge(locked.bytes, locked, part);
  assert.equal(uncertified.isSound, false);
});

test('a changed packet, one left out, and a checkpoint left out are told in the part, and not beside it', async () => {
  const dataAt = (timeMs: number): number =>
    run.packets.findIndex((packet) => (packet[3] ?? 0) >= 0x80 && packet.readUIntBE(10, 3) === timeMs);
  const hit = dataAt(22_250);
  const changed = run.packets.map((packet, index) => {
    if (index !== hit) return packet;
    const copy = Buffer.from(packet);
    copy[15] = (copy[15] ?? 0) ^ 1;
    return copy;
  });
  const without = run.packets.filter((_, index) => index !== hit);
  const lost = run.packets.filter(
    (packet, index) => !(packet[3] === 0x02 && index > hit && index < hit + 20),
  );
  for (const packets of [changed, without, lost]) {
    const file = Buffer.concat([...packets]);
    const hurt = await judge(file, run, partOf(run, 21_000, 24_000));
    assert.equal(hurt.isSound, false);
    assert.ok((await judge(file, run, partOf(run, 31_000, 39_000))).isSound);
    assert.ok((await judge(file, run, partOf(run, 2000, 9000))).isSound);
  }
});

test('a part whose beginning was destroyed is judged from its beginning, not from the first picture that is left', async () => {
  const isHit = (packet: Buffer): boolean => {
    const timeMs = packet.readUIntBE(10, 3);
    return (packet[3] ?? 0) >= 0x80 && timeMs >= 20_000 && timeMs < 25_000;
  };
  const changed = run.packets.map((packet) => {
    if (!isHit(packet)) return packet;
    const copy = Buffer.from(packet);
    copy[15] = (copy[15] ?? 0) ^ 1;
    return copy;
  });
  const part = partOf(run, 20_000, 30_000);
  for (const packets of [changed, run.packets.filter((packet) => !isHit(packet))]) {
    const file = Buffer.concat(packets);
    const { fromMs, videoFromMs } = find(file, run, part);
    assert.deepEqual({ fromMs, videoFromMs }, { fromMs: 20_000, videoFromMs: 26_000 });
    const { isSound, stretches } = await judge(file, run, part);
    assert.equal(isSound, false);
    assert.deepEqual(
      stretches.map(({ fromMs: from, toMs, verdict }) => [from, toMs, verdict === 'intact']),
      [
        [20_000, 25_000, false],
        [25_000, 30_000, true],
      ],
    );
  }
});

test('nothing is read behind the end of a part, unless a certificate may come', async () => {
  const part = partOf(run, 12_000, 21_000);
  const finder = new ExcerptFinder(run.header, part);
  let read = 0;
  while (!finder.isComplete) {
    finder.push(run.bytes.subarray(read, read + 100));
    read += 100;
  }
  assert.ok(read < run.bytes.length / 2);
  assert.deepEqual(finder.end(), find(run.bytes, run, part));
  const locked = await signedRun(sealing, { seconds, isLocked: true, fill: 4 });
  const other = new ExcerptFinder(locked.header, partOf(locked, 12_000, 21_000));
  other.push(locked.bytes);
  assert.equal(other.isComplete, false);
});

test('of a run that is not in the file there is nothing', () => {
  const finder = new ExcerptFinder(run.header, partOf(run, 0, 1000));
  finder.push(next.bytes);
  assert.equal(finder.end(), undefined);
});

test('a part in which nothing is vouched for is not sound', () => {
  const checked: CheckedRun = {
    ...{ file: 'part', header: run.header, gaps: [], link: run.link },
    ended: 'time',
    voucher: 'signed',
    stretches: [{ verdict: 'intact', fromMs: 0, toMs: 5000, found: 1, expected: 1 }],
  };
  assert.ok(judgePart(checked, { fromMs: 0, toMs: 5000 }).isSound);
  assert.equal(judgePart(checked, { fromMs: 5000, toMs: 9000 }).isSound, false);
  assert.equal(judgePart({ ...checked, ended: undefined }, { fromMs: 0, toMs: 5001 }).isSound, false);
});
