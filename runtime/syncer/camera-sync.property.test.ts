/**
 * Runs the syncer of one camera against a drive in memory while a recorder writes, and lets everything go wrong:
 * connections break and keep parts of pieces, confirmations get lost, sizes are lies, files on the drive are cut
 * and altered. Whatever happened, once it stops the drive holds every recording byte for byte.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, truncate, unlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { type Fault, MemoryDrive, type Operation } from '../../test/support/memory-storage.ts';
import { silentLogger } from '../log.ts';
import { recordingAt } from '../recordings/names.ts';
import { CameraSync } from './camera-sync.ts';
import { Ledger } from './ledger.ts';

const slotMs = 3600_000;
const startMs = Date.UTC(2026, 10, 22, 13);

type Step =
  | { readonly do: 'write'; readonly slot: number; readonly bytes: number }
  | { readonly do: 'turns'; readonly count: number }
  | { readonly do: 'fault'; readonly at: Operation; readonly fault: Fault }
  | { readonly do: 'restart' }
  | { readonly do: 'cut-on-drive'; readonly slot: number; readonly share: number }
  | { readonly do: 'alter-on-drive'; readonly slot: number; readonly share: number }
  | { readonly do: 'cut-locally'; readonly slot: number; readonly bytes: number };

const slots = 3;
const slot = fc.integer({ min: 0, max: slots - 1 });
const share = fc.double({ min: 0, max: 0.999, noNaN: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      slot,
      bytes: fc.integer({ min: 1, max: 200_000 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 60 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      at: fc.constantFrom<Operation>(
        'connect',
        'list',
        'size',
        'append',
        'write',
        'finish',
        'read',
        'makeDirectory',
      ),
      fault: fc.oneof(
        fc.constant<Fault>({ kind: 'disconnect' }),
        fc
          .integer({ min: 0, max: 65_536 })
          .map((keptBytes): Fault => ({ kind: 'disconnect-keeping', keptBytes })),
        fc.constantFrom<Fault>(
          { kind: 'refuse', code: 'STORAGE_REFUSED' },
          { kind: 'refuse', code: 'STORAGE_FULL' },
        ),
        fc
          .constantFrom(-1, Number.NaN, Number.MAX_VALUE, 0, 1, 63, 70_000, 1e6)
          .map((sizeBytes): Fault => ({ kind: 'lie', sizeBytes })),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'restart' }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut-on-drive' as const), slot, share }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('alter-on-drive' as const), slot, share }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('cut-locally' as const),
      slot,
      bytes: fc.integer({ min: 1, max: 300 }),
    }),
  },
);

/** Bytes of which no part equals another, like ciphertext. */
function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let index = 0; index < length; index++) {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    bytes[index] = state;
  }
  return bytes;
}

function recordingOf(key: string): string {
  return key.replace('/camera/', '').replace(/\.conflict-\d+/, '');
}

function assertIsBeginning(key: string, held: Buffer, local: Buffer): void {
  assert.ok(local.subarray(0, held.length).equals(held), `appended to ${key}, which holds other bytes`);
}

async function simulate(steps: readonly Step[]): Promise<void> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-sync-'));
  const clock = new FakeClock(startMs + slots * slotMs);
  const drive = new MemoryDrive();
  const names = Array.from({ length: slots }, (_, index) => recordingAt(startMs + index * slotMs, slotMs));
  const nameOf = (index: number) => names[index] ?? assert.fail('no such slot');
  const fileOf = (index: number): string => path.join(directory, nameOf(index).fileName);
  const local = async (index: number): Promise<Buffer> =>
    readFile(fileOf(index)).catch(() => Buffer.alloc(0));
  let pending: { at: Operation; fault: Fault }[] = [];
  // While neither a size was a lie nor the local file cut, not even one append may go to other bytes.
  let isHonest = true;
  drive.onAppend = (key, held) => {
    if (isHonest) assertIsBeginning(key, held, readFileSync(path.join(directory, recordingOf(key))));
  };
  drive.fault = (operation) => {
    const index = pending.findIndex(({ at }) => at === operation);
    return index < 0 ? undefined : pending.splice(index, 1)[0]?.fault;
  };

  const wasCut = new Set<number>();
  let idle: (() => void) | undefined;
  const begin = (once: boolean): { sync: CameraSync; ended: Promise<void> } => {
    const sync = new CameraSync({
      name: 'camera',
      storage: drive.session(),
      driveDirectory: 'camera',
      ledger: new Ledger(directory),
      driveRetentionMs: 0,
      once,
      logger: silentLogger,
      clock,
      random: () => 0.5,
      planCleanUp: async () => [],
      onCaughtUp: () => idle?.(),
    });
    return { sync, ended: sync.run() };
  };
  try {
    let { sync, ended } = begin(false);
    let seed = 1;
    for (const action of steps) {
      switch (action.do) {
        case 'write':
          await appendFile(fileOf(action.slot), noise(action.bytes, seed++));
          sync.localChanged(nameOf(action.slot).fileName);
          break;
        case 'turns':
          for (let count = 0; count < action.count; count++) await turn();
          break;
        case 'fault':
          if (action.fault.kind === 'lie') isHonest = false;
          pending.push(action);
          break;
        case 'restart':
          sync.stop();
          await ended;
          ({ sync, ended } = begin(false));
          break;
        case 'cut-on-drive':
        case 'alter-on-drive': {
          // Between two sessions: within one, the syncer trusts what it has compared.
          sync.stop();
          await ended;
          const key = `/camera/${nameOf(action.slot).fileName}`;
          const held = Buffer.from(drive.read(key));
          const at = Math.floor(held.length * action.share);
          if (action.do === 'cut-on-drive' && held.length > 0) drive.files.set(key, held.subarray(0, at));
          // The tail that is compared: what lies before it is the viewer's to find.
          const from = Math.max(at, held.length - 60_000);
          if (action.do === 'alter-on-drive' && held.length > 0) {
            held[from] = (held[from] ?? 0) ^ 1;
            drive.files.set(key, held);
          }
          ({ sync, ended } = begin(false));
          break;
        }
        case 'cut-locally': {
          const bytes = await local(action.slot);
          if (bytes.length === 0) break;
          isHonest = false;
          wasCut.add(action.slot);
          await truncate(fileOf(action.slot), Math.max(0, bytes.length - action.bytes));
          sync.localChanged(nameOf(action.slot).fileName);
        }
      }
    }
    pending = [];
    sync.stop();
    await ended;
    // Whatever it was before: what is appended to from here on is the beginning of what is on disk.
    isHonest = true;
    ({ sync, ended } = begin(true));
    await ended;
    for (const [index, name] of names.entries()) {
      const bytes = await local(index);
      if (bytes.length === 0) continue;
      const copies = [...drive.files.keys()]
        .filter((key) => recordingOf(key) === name.fileName)
        .map((key) => drive.read(key));
      // More than the disk holds is there only where the disk was cut.
      assert.ok(
        copies.some(
          (copy) => copy.equals(bytes) || (wasCut.has(index) && copy.subarray(0, bytes.length).equals(bytes)),
        ),
        `${name.fileName} is not on the drive`,
      );
    }
    // A second run finds nothing to do and makes nothing new.
    const before = [...drive.files.keys()].sort();
    drive.onAppend = (key) => assert.fail(`appended to ${key}, which is complete`);
    await begin(true).ended;
    assert.deepEqual([...drive.files.keys()].sort(), before);
  } finally {
    for (const index of names.keys()) await unlink(fileOf(index)).catch(() => undefined);
    await rm(directory, { recursive: true, force: true });
  }
}

test('whatever went wrong, the drive ends up equal to the disk and nothing is appended to other bytes', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), simulate), {
    numRuns: Number(process.env.ENCROCAM_PROPERTY_RUNS ?? 200),
  });
});
