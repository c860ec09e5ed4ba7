import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coverOf, makeRunKey, PacketReader, RunOpener, RunWriter, rootOf } from '../encrocrypt/v3/index.ts';
import { isEncroCamError } from '../errors.ts';
import { parseRecordingName } from '../recordings/names.ts';
import { encodeLive } from '../video-keys/live-file.ts';
import type { LivePlace } from './follow.ts';
import { LiveNodes, refreshMs } from './live-nodes.ts';

const [key, next] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const recording = parseRecordingName('rec-20270115T080000Z-3600s.encrocam');
assert.ok(recording);
const [runId, secret, segmentMs] = [Buffer.alloc(16, 3), Buffer.alloc(32, 4), 60_000];
const root = rootOf(secret, runId);
const liveAt = (segment: number, by = key): string =>
  encodeLive({ runId, recording: 'rec', nodes: coverOf(root, segment, segment + 1) }, by);

function follow(text: string | undefined) {
  const state = { text, nowMs: 0, reads: 0 };
  const nodes = new LiveNodes([key], () => state.nowMs);
  const place = nodes.through({
    name: 'place',
    list: async () => [],
    sizeBytes: async () => 0,
    readSmall: async () => {
      state.reads += 1;
      return state.text === undefined ? undefined : Buffer.from(state.text);
    },
  } as unknown as LivePlace);
  const look = async (): Promise<void> => {
    await place.sizeBytes(recording as NonNullable<typeof recording>);
  };
  return { state, nodes, place, look };
}

/** A packet in each segment. */
function packets(segments: number) {
  const writer = new RunWriter({
    ...{ runId, secret: Buffer.from(secret), segmentMs },
    ...{ runPrivateKey: makeRunKey().privateKey, headerHash: Buffer.alloc(32) },
  });
  const reader = new PacketReader();
  return Array.from({ length: segments }, (_, segment) => {
    reader.push(Buffer.concat(writer.data(Buffer.from(`${segment}`), segment * segmentMs, true)));
    const packet = reader.next();
    assert.ok(packet?.kind === 'data');
    return { ...packet, bytes: Buffer.from(packet.bytes) };
  });
}

test('what is watched live opens segment by segment, while it is watched', async () => {
  const { state, nodes, look } = follow(liveAt(1));
  await look();
  const opener = new RunOpener(await nodes.keysOf({ statement: { runId, segmentMs } }));
  const all = packets(5);
  const opened = (): (string | undefined)[] => all.map((packet) => opener.open(packet)?.toString());
  assert.deepEqual(opened(), [undefined, '1', '2', undefined, undefined]);
  // A packet came before what opens it.
  state.text = liveAt(3);
  state.nowMs = refreshMs;
  await look();
  assert.deepEqual(opened(), [undefined, '1', '2', '3', '4']);
});

test('it is looked for now and again, not each time', async () => {
  const { state, place, look } = follow(liveAt(0));
  await look();
  await place.list();
  await look();
  assert.equal(state.reads, 1);
  state.nowMs += refreshMs;
  await look();
  assert.equal(state.reads, 2);
});

test('a camera without live video, garbage, and another key are told apart', async () => {
  const fails = (text: string | undefined, code: 'INPUT_UNREADABLE' | 'DECRYPTION_FAILED'): Promise<void> =>
    assert.rejects(follow(text).look(), (error) => isEncroCamError(error, code));
  await fails(undefined, 'INPUT_UNREADABLE');
  await fails('garbage', 'INPUT_UNREADABLE');
  await fails(liveAt(0, next), 'DECRYPTION_FAILED');
  const changed = JSON.parse(liveAt(0));
  await fails(JSON.stringify({ ...changed, run: `0x${'99'.repeat(16)}` }), 'DECRYPTION_FAILED');
  await fails(JSON.stringify({ ...changed, sealed: '0x00' }), 'INPUT_UNREADABLE');
});

test('a file that is just being replaced is waited for, not for ever', async () => {
  const { state, look } = follow(liveAt(0));
  await look();
  state.text = undefined;
  state.nowMs = refreshMs;
  await look();
  state.text = liveAt(1);
  state.nowMs += 1000;
  await look();
  state.text = undefined;
  await assert.rejects(async () => {
    for (;;) {
      state.nowMs += refreshMs;
      await look();
    }
  });
});

test('a rotated live key locks out whoever has the old one', async () => {
  const { state, nodes, look } = follow(liveAt(0));
  await look();
  state.text = liveAt(2, next);
  state.nowMs = refreshMs;
  await assert.rejects(look(), (error) => isEncroCamError(error, 'DECRYPTION_FAILED'));
  const opener = new RunOpener(await nodes.keysOf({ statement: { runId, segmentMs } }));
  assert.deepEqual(
    packets(4).map((packet) => opener.open(packet)?.toString()),
    ['0', '1', undefined, undefined],
  );
});
