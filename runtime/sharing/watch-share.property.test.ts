import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { type Recordings, recordMinutes } from '../../test/support/camera-recordings.ts';
import {
  CountedFile,
  capabilityOf,
  forged,
  type Seconds,
  secondOf,
  watchWith,
} from '../../test/support/shared-watch.ts';
import type { Capability } from './capability.ts';

let directory: string;
let recordings: Recordings[3];
before(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-watch-share-'));
  recordings = await recordMinutes(directory, 3, {
    run: (minute) => ({
      ...{ seconds: 60, packetsPerSecond: 2, headerAgainAt: 60 },
      video: (index) => Buffer.alloc(300 + ((index * 37) % 91), index + 100 * minute),
    }),
  });
});
after(() => rm(directory, { recursive: true, force: true }));

/** Percent of the way from some seconds before the range to some behind it, and packets from there on. */
const place = fc.record({ percent: fc.nat(100), packets: fc.nat(2) });
type Place = typeof place extends fc.Arbitrary<infer Value> ? Value : never;

function find({ percent, packets }: Place, [from, to]: Seconds): { run: 0 | 1 | 2; at: number } {
  const second = Math.max(0, Math.min(179.5, from - 4 + ((to - from + 8) * percent) / 100));
  const run = Math.floor(second / 60) as 0 | 1 | 2;
  const isThere = (packet: Buffer): boolean => (secondOf(packet) ?? -1) >= second % 60;
  const at = recordings[run].run.packets.findIndex(isThere);
  return { run, at: Math.max(0, at) + packets };
}

/** What somebody with the share's keys may do to the packets of three minutes. */
const change = fc.record({
  what: fc.constantFrom('drop', 'repeat', 'move', 'damage', 'header', 'forge', 'add'),
  from: place,
  to: place,
  /** How much later its number is. */
  shift: fc.integer({ min: -2, max: 3 }),
});
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;

function apply(files: Buffer[][], one: Change, capability: Capability, range: Seconds): void {
  const { what, shift } = one;
  const [from, to] = [find(one.from, range), find(one.to, range)];
  const [source, target] = [files[from.run] ?? [], files[to.run] ?? []];
  const at = from.at % Math.max(1, source.length);
  const packet = source[at];
  if (!packet) return;
  const add = (added: Buffer): void => void target.splice(to.at % (target.length + 1), 0, added);
  switch (what) {
    case 'drop':
      source.splice(at, 1);
      return;
    case 'repeat':
      add(packet);
      return;
    case 'move':
      source.splice(at, 1);
      add(packet);
      return;
    case 'damage':
      source[at] = Buffer.from(
        packet.map((byte, index) => (index === to.at % packet.length ? byte ^ 1 : byte)),
      );
      return;
    case 'header':
      add(recordings[from.run].run.packets[0] ?? packet);
      return;
    default: {
      const made = lieOf(packet, from.run, shift, capability);
      if (!made) return;
      if (what === 'add') add(made);
      else source[at] = made;
    }
  }
}

/** A packet that opens; undefined where no key was given. */
function lieOf(packet: Buffer, run: 0 | 1 | 2, shift: number, { runs }: Capability): Buffer | undefined {
  const shared = runs.find(({ runId }) => recordings[run].run.runId.equals(runId));
  if (!shared || secondOf(packet) === undefined) return undefined;
  const moved = Buffer.from(packet);
  moved.writeUIntBE(Math.max(0, moved.readUIntBE(7, 3) + shift), 7, 3);
  try {
    return forged(moved, shared, Buffer.alloc(300, 255));
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function filesOf(packets: readonly Buffer[][], isOne: boolean): CountedFile[] {
  const [{ fileName }] = recordings;
  if (isOne) return [new CountedFile(fileName.replace('60s', '180s'), Buffer.concat(packets.flat()))];
  return recordings.map((one, index) => new CountedFile(one.fileName, Buffer.concat(packets[index] ?? [])));
}

test('what was recorded is called whole, and nothing else is, whatever others with the same keys did to it', async () => {
  const whole = (): Buffer[][] => recordings.map(({ run }) => [...run.packets]);
  let [sound, hurt] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      ...([fc.nat(340), fc.integer({ min: 1, max: 90 }), fc.boolean()] as const),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      async (from, length, isOne, changes) => {
        const range: Seconds = [from / 2, Math.min(180, (from + length) / 2)];
        const capability = capabilityOf(recordings, range);
        const honest = await watchWith(capability, filesOf(whole(), isOne));
        assert.equal(honest.code, 0, honest.lines.join('\n'));
        const packets = whole();
        for (const one of changes) apply(packets, one, capability, range);
        const shown = await watchWith(capability, filesOf(packets, isOne));
        if (shown.code === 0) assert.deepEqual(shown.video, honest.video);
        else assert.ok(shown.lines.length > 0);
        if (shown.code === 0) sound += 1;
        else hurt += 1;
      },
    ),
    { numRuns: 100 },
  );
  assert.ok(sound > 0 && hurt > 0, `${sound} sound, ${hurt} not`);
});
