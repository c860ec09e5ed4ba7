/** Quiet seconds are put where something happened: from the same recording, another one, or another camera. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { recordMinutes } from '../support/camera-recordings.ts';
import { decrypt } from '../support/decrypt-command.ts';
import { assertVersion2CannotTell, recordVersion2 } from '../support/version-2.ts';
import {
  assertTold,
  exitCode,
  indexOfCheckpoint,
  indexOfSecond,
  isData,
  rewrite,
  scene,
  strangersKeys,
  temporaryDirectory,
} from './scene.ts';

const [first, last] = [indexOfSecond(30), indexOfCheckpoint(35)];
const tampered = /08:01:30 to 08:01:35 +5 s {2}tampered/;

test('packets of one recording that change places are told', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[1], (packets) => {
    const [one, other] = packets.slice(first, first + 2);
    return one && other ? packets.toSpliced(first, 2, other, one) : [];
  });
  await assertTold(place, exitCode.unsound, tampered);
});

test('packets that stand twice are told', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[1], (packets) => packets.toSpliced(first, 0, ...packets.slice(first, first + 2)));
  await assertTold(place, exitCode.unsound, tampered);
});

test('earlier seconds with their checkpoint, in place of later ones, are told', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[1], (packets) =>
    packets.toSpliced(
      first,
      last + 1 - first,
      ...packets.slice(indexOfSecond(10), indexOfCheckpoint(15) + 1),
    ),
  );
  await assertTold(place, exitCode.unsound, tampered, /08:01:35 to 08:03:00 +1 min 25 s {2}intact/);
});

test("seconds of the camera's own other recording are told, with their checkpoint or without", async (context) => {
  const { place, recordings } = await scene(context, 3);
  for (const end of [last, last + 1]) {
    await rewrite(recordings[1], (packets) =>
      packets.toSpliced(first, end - first, ...recordings[0].run.packets.slice(first, end)),
    );
    await assertTold(place, exitCode.unsound, /08:01:30 to 08:01:35 +5 s {2}(?:tampered|missing)/);
  }
});

test("seconds of another camera are told, and its header brought along is nobody's", async (context) => {
  const { place, recordings } = await scene(context, 3);
  const elsewhere = await temporaryDirectory(context);
  const [other] = await recordMinutes(elsewhere, 1, { keys: await strangersKeys(context), minute: 1 });
  const [header] = other.run.packets;
  const theirs = other.run.packets.slice(first, last + 1);
  await rewrite(recordings[1], (packets) => packets.toSpliced(first, theirs.length, ...theirs));
  await assertTold(place, exitCode.unsound, /08:01:30 to 08:01:35 +5 s {2}tampered/);
  const [own] = recordings[1].run.packets;
  await rewrite(recordings[1], (packets) =>
    header && own ? packets.toSpliced(first, theirs.length, header, ...theirs, own) : [],
  );
  await assertTold(place, exitCode.notAuthentic, /not authentic/);
});

test('runs of one file that change places are told', async (context) => {
  const { recordings } = await scene(context, 2);
  const [{ file, run }, other] = recordings;
  await writeFile(file, Buffer.concat([run.bytes, other.run.bytes]));
  await assertTold(file, exitCode.unsound, /08:00:00 to 08:02:00 +2 min {2}intact/);
  await writeFile(file, Buffer.concat([other.run.bytes, run.bytes]));
  await assertTold(file, exitCode.unsound, /08:01:00 to 08:02:00 +1 min {2}tampered/);
});

test('runs of one file that change places are told by whoever decrypts, who gets them as they stand', async (context) => {
  const { recordings } = await scene(context, 2, {
    run: (minute) => ({ video: (second) => Buffer.from(`${minute}:${second} `) }),
  });
  const [{ file, run }, other] = recordings;
  const [minute0, minute1] = [0, 1].map((minute) =>
    Array.from({ length: 60 }, (_, second) => `${minute}:${second} `).join(''),
  );
  const inOrder = Buffer.concat([run.bytes, other.run.bytes]);
  const swapped = Buffer.concat([other.run.bytes, run.bytes]);
  await writeFile(file, inOrder);
  const whole = { exitCode: exitCode.sound, output: `${minute0}${minute1}`, errors: '' };
  assert.deepEqual(await decrypt([file]), whole);
  assert.deepEqual(await decrypt(['-'], inOrder), whole);
  await writeFile(file, swapped);
  for (const told of [await decrypt([file]), await decrypt(['-'], swapped)]) {
    assert.deepEqual([told.exitCode, told.output], [exitCode.unsound, `${minute1}${minute0}`]);
    assert.match(
      told.errors,
      /from 2027-01-15 08:00:00.* stands behind .* 08:01:00.*in the order of the file/,
    );
    assert.equal(told.errors.trim().split('\n').length, 1);
  }
});

test('checkpoints that are moved behind all packets are told', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[1], ([header = Buffer.of(), ...packets]) => [
    ...[header, ...packets.filter(isData)],
    ...packets.filter((packet) => !isData(packet)),
  ]);
  await assertTold(
    place,
    exitCode.unsound,
    /08:01:00 to 08:01:05 +5 s {2}tampered/,
    /08:01:05 to 08:02:00 +55 s {2}missing/,
  );
});

test('of EncroCrypt2 it cannot be told', async (context) => {
  const file = path.join(await temporaryDirectory(context), 'recording.encrocam');
  const { keyPacket, packets } = await recordVersion2('front');
  const other = await recordVersion2('yard', 2);
  await assertVersion2CannotTell(
    file,
    [
      keyPacket,
      ...packets.slice(0, 2),
      ...packets.slice(0, 1),
      ...packets.slice(3, 4),
      other.keyPacket,
      ...other.packets,
    ],
    'front 0 front 1 front 0 front 3 yard 0 yard 1 ',
  );
});
