import assert from 'node:assert/strict';
import test from 'node:test';
import { cameraKeys } from '../../test/support/camera-recordings.ts';
import {
  certificateOf,
  linkOfPacket,
  type SyntheticRun,
  signedRun,
  syntheticRun,
} from '../../test/support/synthetic-run.ts';
import { encodeCertificate, type Header, packetType } from '../encrocrypt/v3/index.ts';
import { isEncroCamError } from '../errors.ts';
import { checkFile } from '../verifier/check-file.ts';
import { cameraTrust } from './run-trust.ts';
import type { RandomAccess } from './source.ts';

const mebibyte = 1024 * 1024;
const keys = await cameraKeys();
/** 20 s, 4 packets a second, a checkpoint every 5 s. */
const locked = await signedRun(keys, { isLocked: true, seconds: 20 });
const checkpoints = locked.packets.filter((packet) => packet[3] === packetType.checkpoint);
const certified = await certificateOf(locked, keys);

interface Counting extends RandomAccess {
  bytesRead: number;
}

function accessTo(...parts: readonly Buffer[]): Counting {
  const bytes = Buffer.concat(parts);
  return {
    ...{ sizeBytes: bytes.length, probeBytes: 4096, bytesRead: 0 },
    async read(offset, length) {
      const read = Buffer.from(bytes.subarray(offset, offset + length));
      this.bytesRead += read.length;
      return read;
    },
  };
}

/** Packets that are put out; nothing is told apart from refused. */
async function reach({ header }: { header: Header }, access: RandomAccess): Promise<number | undefined> {
  try {
    return (await cameraTrust(keys.signer).reachOf(header, access)).packets;
  } catch (error) {
    if (isEncroCamError(error, 'NOT_AUTHENTIC')) return undefined;
    throw error;
  }
}

/** The same by `encrocam verify`: whether the camera certified it, and up to when. */
async function verified(access: RandomAccess): Promise<number | undefined> {
  const chunks = (async function* () {
    yield await access.read(0, access.sizeBytes);
  })();
  const [run] = (await checkFile('file', chunks, keys.signer)).runs;
  return typeof run?.voucher === 'object' ? run.voucher.toMs : undefined;
}

test('headers that nobody signed cost one reading of a file together, however many they are', async () => {
  const strangers = Array.from(
    { length: 40 },
    (_, index): SyntheticRun =>
      syntheticRun({ fill: index + 2, seconds: 5, statement: { camera: locked.header.statement.camera } }),
  );
  const [first, ...rest] = strangers;
  assert.ok(first);
  const access = accessTo(
    ...strangers.map(({ bytes }) => bytes),
    ...[locked.bytes, certified, Buffer.alloc(2 * mebibyte)],
  );
  const trust = cameraTrust(keys.signer);
  for (const { header } of [first, ...rest, first]) {
    await assert.rejects(trust.reachOf(header, access), { code: 'NOT_AUTHENTIC' });
  }
  assert.equal((await trust.reachOf(locked.header, access)).packets, 80);
  assert.equal(access.bytesRead, mebibyte + access.sizeBytes);
});

test("a certificate right behind the run's end is found in the file's last megabyte", async () => {
  const access = accessTo(Buffer.alloc(3 * mebibyte), locked.bytes, certified);
  assert.equal(await reach(locked, access), 80);
  assert.equal(access.bytesRead, mebibyte);
});

test('a certificate counts where what it names stands before it, as for verify', async () => {
  const [header, ...rest] = locked.packets;
  assert.ok(header);
  for (const padding of [0, 2 * mebibyte]) {
    const before = accessTo(header, Buffer.alloc(padding), certified, ...rest);
    assert.deepEqual([await reach(locked, before), await verified(before)], [undefined, undefined]);
    const behind = accessTo(Buffer.alloc(padding), locked.bytes, certified);
    assert.deepEqual([await reach(locked, behind), await verified(behind)], [80, 20_000]);
  }
});

test('a certificate that reaches further counts wherever it stands', async () => {
  const [header] = locked.packets;
  const [checkpoint] = checkpoints;
  assert.ok(header && checkpoint);
  const nearer = await certificateOf(locked, keys, { link: linkOfPacket(locked, checkpoint) });
  const noise = Buffer.alloc(2 * mebibyte);
  assert.equal(await reach(locked, accessTo(locked.bytes, certified, noise, header, checkpoint, nearer)), 80);
  assert.equal(await reach(locked, accessTo(locked.bytes, noise, header, checkpoint, nearer)), 20);
});

test("a copy of a header with a false signature does not speak for the camera's own", async () => {
  const { header } = await signedRun(keys, { seconds: 5 });
  const trust = cameraTrust(keys.signer);
  const access = accessTo(Buffer.alloc(10));
  const forged = { ...header, cameraSignature: Buffer.alloc(100, 1) };
  await assert.rejects(trust.reachOf(forged, access), { code: 'NOT_AUTHENTIC' });
  assert.equal((await trust.reachOf(header, access)).packets, Number.POSITIVE_INFINITY);
});

test("where the first copy of a header has a false signature, or none, another one's counts", async () => {
  const run = await signedRun(keys, { seconds: 20, headerAgainAt: 40 });
  const access = accessTo(run.bytes);
  for (const cameraSignature of [Buffer.alloc(100, 1), undefined]) {
    const copy = { header: { ...run.header, cameraSignature } };
    assert.equal(await reach(copy, access), Number.POSITIVE_INFINITY);
  }
  const stripped = accessTo(locked.bytes, certified);
  assert.equal(await reach({ header: { ...locked.header, cameraSignature: Buffer.of(1) } }, stripped), 80);
});

test('certificates that are none do not hide the one that is', async () => {
  const junk = Array.from({ length: 200 }, (_, index) =>
    encodeCertificate({
      ...{ runId: locked.runId, headerHash: locked.header.hash, link: locked.link },
      cameraSignature: Buffer.alloc(20 + index, 1),
    }),
  );
  const access = accessTo(locked.bytes, ...junk, certified, ...junk);
  assert.deepEqual([await reach(locked, access), await verified(access)], [80, 20_000]);
});

test("of another camera's header the file is not read, however long it is", async () => {
  const other = syntheticRun({ seconds: 5, statement: { camera: Buffer.alloc(20, 9) } });
  const access = accessTo(other.bytes);
  assert.equal(await reach(other, access), undefined);
  assert.equal(access.bytesRead, 0);
});
