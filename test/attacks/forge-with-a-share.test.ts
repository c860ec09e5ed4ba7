/**
 * Somebody who was given the same part has the keys of its segments, and can write where the recordings lie: he makes packets that open.
 * Whoever watches with a share is told, wherever they stand.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packetType } from '../../runtime/encrocrypt/v3/index.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import type { Capability, SharedRun } from '../../runtime/sharing/capability.ts';
import { firstMs, minuteMs, type Recordings } from '../support/camera-recordings.ts';
import {
  CountedFile,
  capabilityOf,
  fillsOf,
  forged,
  type Seconds,
  type Shown,
  secondOf,
  watchWith,
  withForged,
} from '../support/shared-watch.ts';
import { syntheticRun } from '../support/synthetic-run.ts';
import { scene } from './scene.ts';

const packetBytes = 500;
const lie = 222;
const content = Buffer.alloc(packetBytes, lie);
const incomplete = 2;

function sharedOf(
  recordings: Recordings[3],
  seconds: Seconds,
): { capability: Capability; shared: SharedRun } {
  const capability = capabilityOf(recordings, seconds);
  const [shared] = capability.runs;
  assert.ok(shared);
  return { capability, shared };
}

function filesOf(recordings: Recordings[3], second: readonly Buffer[]): CountedFile[] {
  return recordings.map(
    ({ fileName, run }, index) =>
      new CountedFile(fileName, index === 1 ? Buffer.concat([...second]) : run.bytes),
  );
}

function assertNotSound({ code, lines }: Shown): void {
  assert.equal(code, incomplete, lines.join('\n'));
  assert.ok(!lines.some((line) => line.startsWith('as the camera recorded it')), lines.join('\n'));
}

test('the picture before the range that is shown along with it', async (context) => {
  const { recordings } = await scene(context, 3);
  const { capability, shared } = sharedOf(recordings, [75, 95]);
  const honest = await watchWith(capability, filesOf(recordings, recordings[1].run.packets));
  assert.equal(honest.code, 0, honest.lines.join('\n'));
  assert.equal(fillsOf(honest.video, packetBytes)[0], 14);
  const hurt = withForged(recordings[1].run, shared, (second) => second === 14, content);
  const shown = await watchWith(capability, filesOf(recordings, hurt));
  assert.equal(fillsOf(shown.video, packetBytes)[0], lie);
  assertNotSound(shown);
});

test('a share whose part of a run is shorter than its range: what is beside the part is not shown', async (context) => {
  const { recordings } = await scene(context, 3);
  const { capability, shared } = sharedOf(recordings, [75, 95]);
  const part = { ...shared, toMs: 17_001, nodes: shared.nodes.slice(0, 1) };
  const narrow = { ...capability, runs: [part] };
  const honest = await watchWith(narrow, filesOf(recordings, recordings[1].run.packets));
  assert.deepEqual(fillsOf(honest.video, packetBytes), [14, 15, 16, 17]);
  assert.equal(honest.code, 0, honest.lines.join('\n'));
  const hurt = withForged(recordings[1].run, part, (second) => second >= 18 && second < 20, content);
  const { video, code, lines } = await watchWith(narrow, filesOf(recordings, hurt));
  assert.deepEqual(fillsOf(video, packetBytes), [14, 15, 16, 17]);
  assert.equal(code, incomplete, lines.join('\n'));
});

test('a copy of the run under another name', async (context) => {
  const { recordings } = await scene(context, 3);
  const { capability, shared } = sharedOf(recordings, [75, 95]);
  const name = recordingAt(firstMs + minuteMs, 2 * minuteMs).fileName;
  for (const isForged of [true, false]) {
    const packets = withForged(
      recordings[1].run,
      shared,
      (second) => isForged && second >= 20 && second < 30,
      content,
    );
    const copy = new CountedFile(name, Buffer.concat(packets));
    for (const files of [
      [...filesOf(recordings, recordings[1].run.packets), copy],
      [copy, ...filesOf(recordings, recordings[1].run.packets)],
    ]) {
      const { code, lines } = await watchWith(capability, files);
      assert.equal(code, incomplete, lines.join('\n'));
      assert.match(lines.join('\n'), /shown more than once, since it stands in several files/);
    }
  }
});

test('keys that open nothing, or not all: what is not shown is never whole', async (context) => {
  const { recordings } = await scene(context, 3);
  const { capability, shared } = sharedOf(recordings, [75, 95]);
  const wrong = (index: number): SharedRun => ({
    ...shared,
    nodes: shared.nodes.map((node, at) => (at >= index ? { ...node, key: Buffer.alloc(32, 9) } : node)),
  });
  const files = (): CountedFile[] => filesOf(recordings, recordings[1].run.packets);
  const none = await watchWith({ ...capability, runs: [wrong(0)] }, files());
  assert.equal(none.video.length, 0);
  assertNotSound(none);
  assert.ok(none.lines.includes('nothing of what was shared is here'), none.lines.join('\n'));
  const some = await watchWith({ ...capability, runs: [wrong(1)] }, files());
  assert.deepEqual(fillsOf(some.video, packetBytes), [14, 15, 16, 17, 18, 19]);
  assertNotSound(some);
});

test("a packet that stands among another run's, where the run's own checkpoints say nothing of it", async (context) => {
  const { recordings } = await scene(context, 3);
  const { capability, shared } = sharedOf(recordings, [75, 125]);
  const [, { run }, next] = recordings;
  const last = run.packets.findLast((packet) => secondOf(packet) === 59);
  assert.ok(last);
  // Behind the run's last packet, by its number; of the last key frame's kind, so that a decoder begins with it.
  const added = Buffer.from(last);
  added.writeUIntBE(added.readUIntBE(7, 3) + 1, 7, 3);
  added.writeUInt8((added[3] ?? 0) | packetType.data | 2, 3);
  const bytes = [
    ...next.run.packets.slice(0, 3),
    forged(added, shared, content),
    ...next.run.packets.slice(3),
  ];
  const files = [new CountedFile(recordings[1].fileName, Buffer.concat([...run.packets, ...bytes]))];
  const shown = await watchWith(capability, files);
  assert.ok(fillsOf(shown.video, packetBytes).includes(lie));
  assert.equal(shown.code, incomplete, shown.lines.join('\n'));
});

test("a header of a stranger's run among the packets: what is shown behind it is not the camera's word, and it is not hidden", async (context) => {
  const { recordings } = await scene(context, 3);
  const { capability } = sharedOf(recordings, [75, 95]);
  const [, { run }] = recordings;
  const stranger = syntheticRun({ seconds: 1 }).packets[0] ?? Buffer.alloc(0);
  const at = run.packets.findIndex((packet) => secondOf(packet) === 17);
  const hurt = [...run.packets.slice(0, at), stranger, ...run.packets.slice(at)];
  const { code, lines, video } = await watchWith(capability, filesOf(recordings, hurt));
  assert.equal(code, 3, lines.join('\n'));
  assert.deepEqual(fillsOf(video, packetBytes)[0], 14);
  assert.ok(!lines.some((line) => line.startsWith('as the camera recorded it')), lines.join('\n'));
});

test('a drive that answers otherwise when it is asked again', async (context) => {
  const { recordings } = await scene(context, 3);
  const { capability, shared } = sharedOf(recordings, [65, 95]);
  const [, { fileName, run }] = recordings;
  const hurt = Buffer.concat(withForged(run, shared, (second) => second >= 5 && second < 35, content));
  const file = new CountedFile(fileName, run.bytes, hurt);
  const shown = await watchWith(capability, [file]);
  assert.ok(fillsOf(shown.video, packetBytes).includes(lie));
  assertNotSound(shown);
});
