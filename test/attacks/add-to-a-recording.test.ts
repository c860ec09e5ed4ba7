/** Something is added to a recording: to hide in it, to make it look damaged for hours, or to make what is genuine look false. */
import test from 'node:test';
import {
  encodeCertificate,
  encodeHeader,
  encodePacket,
  encodeSignedPart,
  packetType,
} from '../../runtime/encrocrypt/v3/index.ts';
import { cameraKeys } from '../support/camera-recordings.ts';
import { certificateOf, type SyntheticRun } from '../support/synthetic-run.ts';
import { assertTold, exitCode, indexOfCheckpoint, indexOfSecond, rewrite, scene } from './scene.ts';

/** Of the last moment that a run can have. */
const late = encodePacket(packetType.data, Buffer.from('fffff0fffffe', 'hex'), Buffer.alloc(13));
const allIntact = /08:00:00 to 08:03:00 +3 min {2}intact/;

function junkCertificate({ runId, header }: SyntheticRun, bytes: number): Buffer {
  const cameraSignature = Buffer.alloc(bytes, 0x41);
  return encodeCertificate({ runId, headerHash: header.hash, link: Buffer.alloc(32), cameraSignature });
}

function headerWith(signature: Buffer | undefined, { header, runKey }: SyntheticRun): Buffer {
  return encodeHeader(encodeSignedPart(header.statement, header.sealed), signature, runKey.privateKey);
}

/** Without the run's key: the run signature covers no signature of the camera. */
function strippedOf(header: Buffer, run: SyntheticRun): Buffer {
  const signature = run.header.cameraSignature ?? Buffer.alloc(0);
  const end = header.length - 64;
  const length = Buffer.alloc(4);
  return encodePacket(
    packetType.header,
    ...[header.subarray(7, end - signature.length - 4), length, header.subarray(end)],
  );
}

test('a packet behind the end gives no time', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[1], (packets) => [...packets, late]);
  await assertTold(place, exitCode.unsound, /08:02:00 to 08:02:00 +0 s {2}tampered/, /intact 3 min/);
});

test('packets costs the five seconds in which they stand, however many there are', async (context) => {
  const { place, recordings } = await scene(context, 3);
  for (const count of [1, 131_073]) {
    await rewrite(recordings[1], (packets) =>
      packets.toSpliced(indexOfSecond(12), 0, Buffer.concat(Array.from({ length: count }, () => late))),
    );
    await assertTold(place, exitCode.unsound, /08:01:10 to 08:01:15 +5 s {2}tampered/, /intact 2 min 55 s/);
  }
});

test('a later checkpoint copied to the beginning costs nothing', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[1], (packets) =>
    packets.toSpliced(1, 0, packets[indexOfCheckpoint(60)] ?? Buffer.of()),
  );
  await assertTold(place, exitCode.unsound, /08:01:00 to 08:01:00 +0 s {2}tampered/, /intact 3 min/);
});

test("another recording's header put into one hides nothing that follows", async (context) => {
  const { place, recordings } = await scene(context, 3, { run: () => ({ headerAgainAt: 15 }) });
  await rewrite(recordings[1], (packets) =>
    packets.toSpliced(3, 0, recordings[0].run.packets[0] ?? Buffer.of()),
  );
  await assertTold(
    place,
    exitCode.unsound,
    /holds a run that is in .* as well/,
    /08:01:00 to 08:01:00 +0 s {2}tampered/,
    /intact 3 min/,
  );
});

test('bytes hidden as certificates, or as copies of a header, are told', async (context) => {
  const { place, recordings } = await scene(context, 3);
  const { run, fileName } = recordings[1];
  const bytesTold = new RegExp(`${fileName}: \\d{6} bytes that belong to nothing`);
  const certificates = Array.from({ length: 30 }, (_, index) => junkCertificate(run, 16_000 + index));
  await rewrite(recordings[1], (packets) => packets.toSpliced(indexOfSecond(12), 0, ...certificates));
  await assertTold(place, exitCode.unsound, allIntact, bytesTold);
  const copies = Array.from({ length: 30 }, () => headerWith(Buffer.alloc(16_384, 0x42), run));
  await rewrite(recordings[1], (packets) => packets.toSpliced(indexOfSecond(12), 0, ...copies));
  await assertTold(place, exitCode.unsound, allIntact, bytesTold);
});

test("a header's copy whose signature is damaged, or gone, does not speak for the true one", async (context) => {
  const { place, recordings } = await scene(context, 3, { run: () => ({ headerAgainAt: 10 }) });
  const { run } = recordings[1];
  const [header = Buffer.of()] = run.packets;
  const flipped = Buffer.from(header);
  flipped[flipped.length - 70] = (flipped.at(-70) ?? 0) ^ 1;
  for (const change of [
    (packets: Buffer[]) => packets.with(0, flipped),
    (packets: Buffer[]) => [strippedOf(header, run), ...packets],
  ]) {
    await rewrite(recordings[1], change);
    await assertTold(place, exitCode.unsound, allIntact, /bytes that belong to nothing/);
  }
});

test('certificates that are none do not hide the one that is', async (context) => {
  const { place, recordings } = await scene(context, 1, { run: () => ({ isLocked: true }) });
  const { run } = recordings[0];
  const certificate = await certificateOf(run, await cameraKeys());
  const junk = Array.from({ length: 100 }, (_, index) => junkCertificate(run, 20 + index));
  await rewrite(recordings[0], (packets) => [...packets, ...junk, certificate]);
  await assertTold(
    place,
    exitCode.unsound,
    /08:00:00 to 08:01:00 +1 min {2}intact: recorded while locked, certified at/,
    /bytes that belong to nothing/,
  );
});
