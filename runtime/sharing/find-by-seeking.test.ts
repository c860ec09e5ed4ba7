import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { before, test } from 'node:test';
import { cameraKeys } from '../../test/support/camera-recordings.ts';
import {
  type DayRecording,
  dayRecording,
  dayStartMs,
  gapSeconds,
  pauseSeconds,
  runSeconds,
} from '../../test/support/day-recording.ts';
import { rootOf } from '../encrocrypt/v3/index.ts';
import { isEncroCamError } from '../errors.ts';
import { ReadingProgress } from '../verifier/progress.ts';
import { createScreen } from '../viewer/progress.ts';
import type { Source } from '../viewer/source.ts';
import { writePart } from './evidence.ts';
import { findRuns } from './find-runs.ts';
import { grantOf } from './grant.ts';

let day: DayRecording;
before(async () => {
  day = await dayRecording(await cameraKeys());
});

interface Counts {
  reads: number;
  bytes: number;
  streamed: number;
}

function sourceOf(bytes: Buffer, counts: Counts, hasAccess: boolean): Source {
  const access = {
    ...{ sizeBytes: bytes.length, probeBytes: 4096 },
    async read(offset: number, length: number) {
      const read = Buffer.from(bytes.subarray(offset, offset + length));
      counts.reads += 1;
      counts.bytes += read.length;
      return read;
    },
  };
  return {
    ...{ name: 'a recording', access: hasAccess ? access : undefined, close: async () => undefined },
    async *stream(offset) {
      for (let at = offset; at < bytes.length; at += 2 ** 20) {
        const chunk = bytes.subarray(at, at + 2 ** 20);
        counts.streamed += chunk.length;
        yield chunk;
      }
    },
  };
}

/** Seconds since the day's start. */
type Seconds = readonly [from: number, to: number];

const screen = createScreen({ write: () => undefined, isTerminal: false, now: () => 0 });
const progress = new ReadingProgress(screen);

async function runsOf(bytes: Buffer, [from, to]: Seconds, hasAccess: boolean, counts: Counts) {
  const open = async () => sourceOf(bytes, counts, hasAccess);
  return findRuns('here', [{ recording: undefined, open }], {
    range: { fromMs: dayStartMs + from * 1000, toMs: dayStartMs + to * 1000 },
    ...{ trusted: (await cameraKeys()).signer.toPublic(), withUnsigned: false, isDirectory: false },
    progress,
  });
}

const none = (): Counts => ({ reads: 0, bytes: 0, streamed: 0 });

async function find(bytes: Buffer, range: Seconds, hasAccess: boolean) {
  const counts = none();
  try {
    const { runs, around } = await runsOf(bytes, range, hasAccess, counts);
    const told = runs.map(({ header, part, lengthMs, isEnded, checked }) => {
      const { voucher, ended } = checked;
      return { ...{ run: header.hash.toString('hex'), part, lengthMs, isEnded, voucher, ended } };
    });
    return { counts, told: { runs: told, around } };
  } catch (error) {
    if (!isEncroCamError(error)) throw error;
    return { counts, told: { code: error.code, message: error.message } };
  }
}

/** @returns what the quick way took, once both told the same. */
async function findBothWays(bytes: Buffer, range: Seconds, what: string): Promise<Counts> {
  const quick = await find(bytes, range, true);
  const full = await find(bytes, range, false);
  assert.deepEqual(quick.told, full.told, `${what}, ${range.join(' to ')} s`);
  return quick.counts;
}

/** Random, and the same each time. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test('a minute of a long recording is found without reading the rest of it', async () => {
  const second = runSeconds + pauseSeconds;
  const ranges: readonly Seconds[] = [
    [700, 760],
    [second + 700, second + 760],
    [2 * second + 1100, 2 * second + 1160],
  ];
  for (const range of ranges) {
    const counts = await findBothWays(day.bytes, range, 'as recorded');
    assert.equal(counts.streamed, 0);
    assert.ok(counts.bytes < day.bytes.length / 6, `${counts.bytes} bytes of ${day.bytes.length}`);
    assert.ok(counts.reads < 30, `${counts.reads} reads`);
  }
});

test('gaps in the range are told with their causes, though most was not read', async () => {
  const [from, to] = gapSeconds;
  const second = runSeconds + pauseSeconds;
  const ranges: readonly (readonly [Seconds, causes: number])[] = [
    [[from + 10, from + 20], 1],
    [[from - 10, from + 10], 1],
    [[second + from + 10, second + to + 30], 1],
    [[runSeconds - 20, second + 20], 1],
    [[second - 10, second + 5], 1],
  ];
  for (const [range, causes] of ranges) {
    const { counts, told } = await find(day.bytes, range, true);
    assert.equal(counts.streamed, 0);
    assert.equal('around' in told && told.around.holes.length, causes);
    await findBothWays(day.bytes, range, 'gaps');
  }
});

test('a power cut in a recording has nothing more read', async () => {
  const { bytes } = await dayRecording(await cameraKeys(), { powerCutIn: 1 });
  const second = runSeconds + pauseSeconds;
  const ranges: readonly Seconds[] = [
    [700, 760],
    [second + 700, second + 760],
    [second + 0.75 * runSeconds - 20, second + 0.75 * runSeconds + 20],
    [2 * second + 100, 2 * second + 160],
  ];
  for (const range of ranges) {
    const counts = await findBothWays(bytes, range, 'a power cut');
    assert.equal(counts.streamed, 0);
    assert.ok(counts.bytes < bytes.length / 4, `${counts.bytes} bytes of ${bytes.length}`);
  }
});

test('the evidence of a part is the same, and what is before it was not read', async (context) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-find-by-seeking-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const trusted = (await cameraKeys()).signer.toPublic();
  const second = runSeconds + pauseSeconds;
  const ranges: readonly Seconds[] = [
    [10, 20],
    [705, 763],
    [gapSeconds[0] + 5, gapSeconds[1] + 5],
    [second + 707, second + 760],
    [second - 40, second + 61],
    [2 * second + 1100, 2 * second + 1300],
  ];
  for (const [number, range] of ranges.entries()) {
    const written = async (hasAccess: boolean) => {
      const counts = none();
      const parts: unknown[] = [];
      for (const run of (await runsOf(day.bytes, range, hasAccess, counts)).runs) {
        const { runId = Buffer.alloc(0), secret = Buffer.alloc(0) } =
          day.runs.find(({ header }) => header.hash.equals(run.header.hash)) ?? {};
        const { segmentMs } = run.header.statement;
        const shared = grantOf(run, run.part, { runId, segmentMs, nodes: [rootOf(secret, runId)] });
        const name = `part-${number}-${parts.length}-${hasAccess}`;
        counts.streamed = 0;
        const { file, verdict, video, isSound } = await writePart(directory, name, run, shared, {
          ...{ trusted, progress },
        });
        parts.push({ bytes: await readFile(file), verdict, video, isSound });
      }
      return { counts, parts };
    };
    const [quick, full] = [await written(true), await written(false)];
    assert.deepEqual(quick.parts, full.parts, range.join(' to '));
    // The part is looked through, and then copied.
    assert.ok(quick.counts.streamed <= 8 * 2 ** 20, `${quick.counts.streamed} bytes`);
  }
});

test('what was destroyed in the range has the recording read whole', async () => {
  const noise = Buffer.from(day.bytes);
  const place = Math.floor(day.bytes.length * 0.2);
  noise.fill(0xff, place, place + 9000);
  const packets = day.runs[0]?.packets ?? [];
  // Two neighbours of video, about 720 s from the beginning: the rest stays where it is.
  const isVideo = (packet: Buffer | undefined): boolean => ((packet?.[3] ?? 0) & 0x80) !== 0;
  const one = packets.findIndex(
    (packet, number) => number > 0.6 * packets.length && isVideo(packet) && isVideo(packets[number + 1]),
  );
  const turned = [packets[one + 1], packets[one]].filter((packet) => packet !== undefined);
  const rest = day.bytes.subarray(day.offsets[1]);
  const swapped = Buffer.concat([...packets.toSpliced(one, 2, ...turned), rest]);
  for (const [what, bytes] of Object.entries({ noise, swapped })) {
    const counts = await findBothWays(bytes, [690, 770], what);
    assert.equal(counts.streamed, bytes.length, what);
  }
});

test('a run that does not end as the next one says has the recording read whole, and is told', async () => {
  const cutBytes = Buffer.concat(day.runs[1]?.packets.slice(-30) ?? []).length;
  const bytes = Buffer.from(day.bytes);
  // What comes behind stays where it is, and where the index says.
  bytes.fill(0, (day.offsets[2] ?? 0) - cutBytes, day.offsets[2]);
  const begin = runSeconds + pauseSeconds;
  assert.equal((await findBothWays(bytes, [700, 760], 'cut')).streamed, bytes.length);
  await findBothWays(bytes, [begin + runSeconds - 60, 2 * begin + 30], 'cut');
  const { told } = await find(bytes, [begin + runSeconds - 60, 2 * begin + 30], true);
  assert.equal('around' in told && told.around.isComplete, false);
});

test('whatever happened to a recording, runs, lengths and holes are those that reading all of it tells', async () => {
  const random = seeded(20_270_115);
  const parts = day.offsets.map((offset, number) => day.bytes.subarray(offset, day.offsets[number + 1]));
  const [first, second, third] = parts as [Buffer, Buffer, Buffer];
  const { bytes } = day;
  const cut = (): Buffer => bytes.subarray(0, random(bytes.length));
  const noise = (): Buffer => {
    const damaged = Buffer.from(bytes);
    for (let count = 1 + random(3); count > 0; count--) {
      const at = random(bytes.length);
      for (let byte = at; byte < Math.min(bytes.length, at + 30_000); byte++) damaged[byte] = random(256);
    }
    return damaged;
  };
  const hole = (): Buffer => {
    const at = random(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random(500_000))]);
  };
  const dropped = (): Buffer => {
    const left = [[first, third], [second, third], [first, second], [third]][random(4)] ?? [];
    return Buffer.concat(left);
  };
  const swapped = (): Buffer => {
    const order = [
      [second, first, third],
      [first, third, second],
      [first, second, third, second],
    ];
    return Buffer.concat(order[random(3)] ?? []);
  };
  const moved = (): Buffer => {
    const [one, length] = [random(bytes.length - 2_000_000), random(800_000)];
    const [start, middle] = [bytes.subarray(0, one), bytes.subarray(one, one + length)];
    const other = bytes.subarray(one + length, one + 2 * length);
    return Buffer.concat([start, other, middle, bytes.subarray(one + 2 * length)]);
  };
  const seconds = 3 * (runSeconds + pauseSeconds);
  let quick = 0;
  for (const [name, damage] of Object.entries({ cut, noise, hole, dropped, swapped, moved })) {
    for (let round = 0; round < 4; round++) {
      const damaged = damage();
      const from = random(seconds) - 60;
      const counts = await findBothWays(damaged, [from, from + 1 + random(300)], `${name} ${round}`);
      if (counts.streamed === 0) quick += 1;
    }
  }
  assert.ok(quick > 4, `${quick} times it was not read whole`);
});
