import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type SyntheticRun, syntheticRun } from '../../test/support/synthetic-run.ts';
import { type Header, rootOf } from '../encrocrypt/v3/index.ts';
import { EncroCamError } from '../errors.ts';
import { VideoJoiner } from './joiner.ts';
import { KnownRun, type RunPart } from './known-runs.ts';
import { RunDecoder } from './run-decoder.ts';
import type { Misplaced } from './run-order.ts';
import type { Reach } from './run-trust.ts';
import type { TimeRange } from './time.ts';

const runMs = 10_000;
const everything: Reach = { packets: Number.POSITIVE_INFINITY, isUnsigned: false };
const always: TimeRange = { fromMs: undefined, toMs: undefined };

/** Runs of ten seconds, a packet a second, each naming the one before; their video is `RUN:SECOND `. */
function runsOf(count: number, startMs: (run: number) => number = (run) => run * runMs): SyntheticRun[] {
  const runs: SyntheticRun[] = [];
  for (let run = 0; run < count; run++) {
    const before = runs.at(-1);
    runs.push(
      syntheticRun({
        ...{ fill: run + 1, seconds: 10, packetsPerSecond: 1, headerAgainAt: 5 },
        video: (index) => Buffer.from(`${run}:${index} `),
        statement: {
          startMs: startMs(run),
          ...(before ? { previous: { runId: before.runId, link: before.link } } : {}),
        },
      }),
    );
  }
  return runs;
}

interface Decoded {
  readonly video: string;
  readonly misplaced: readonly Misplaced[];
  readonly damaged: boolean;
}

interface Circumstances {
  readonly range?: TimeRange;
  /** Of the run that seeking found. */
  readonly header?: Header;
  readonly reachOf?: (run: number) => Reach;
  /** Of each run, where somebody was given a part. */
  readonly partOf?: (run: number) => RunPart;
  /** Runs that the camera did not sign, or that are for somebody else. */
  readonly refused?: readonly number[];
}

/** What a decoder that knows the secrets makes of a file. */
async function decode(
  known: readonly SyntheticRun[],
  packets: readonly Buffer[],
  { range = always, header, reachOf = () => everything, partOf, refused = [] }: Circumstances = {},
): Promise<Decoded> {
  const misplaced: Misplaced[] = [];
  const decoder = new RunDecoder({
    ...{ range, joiner: new VideoJoiner(), ...(header ? { header } : {}) },
    openRun: async (one) => {
      const index = known.findIndex(({ runId }) => runId.equals(one.statement.runId));
      const run = known[index];
      if (!run || refused.includes(index)) throw new EncroCamError('NOT_AUTHENTIC', 'refused');
      const { segmentMs, runId } = one.statement;
      const keys = { runId, segmentMs, nodes: [rootOf(run.secret, runId)] };
      return new KnownRun(one, keys, reachOf(index), partOf?.(index));
    },
    ...{ onSkip: () => undefined, onMissing: () => undefined, onBadHeader: () => undefined },
    onMisplaced: (one) => misplaced.push(one),
  });
  const pieces = [...(await decoder.push(Buffer.concat([...packets]))), ...(await decoder.end())];
  const video = pieces.map((piece) => (Buffer.isBuffer(piece) ? piece.toString() : '')).join('');
  return { video, misplaced, damaged: decoder.damaged };
}

const videoOf = (run: number, from = 0, to = 10): string =>
  Array.from({ length: to - from }, (_, index) => `${run}:${from + index} `).join('');

const three = runsOf(3);
const [a, b, c] = three as [SyntheticRun, SyntheticRun, SyntheticRun];
const late = (run: number, behind: number): Misplaced => {
  return { how: 'late', startMs: run * runMs, behindMs: behind * runMs };
};
const again = (run: number, behind: number): Misplaced => ({ ...late(run, behind), how: 'again' });
/** The header, five packets and their checkpoint; the rest, which begins with the header. */
const halves = ({ packets }: SyntheticRun): [Buffer[], Buffer[]] => [packets.slice(0, 7), packets.slice(7)];

describe('runs that changed places in a file', () => {
  test('a run behind the one that follows it is told once, and put out in the order of the file', async () => {
    const decoded = await decode(three, [...b.packets, ...a.packets]);
    assert.deepEqual(decoded, {
      video: videoOf(1) + videoOf(0),
      ...{ misplaced: [late(0, 1)], damaged: true },
    });
  });

  test('so it is wherever the one that follows it stands before it', async () => {
    const { misplaced } = await decode(three, [...b.packets, ...c.packets, ...a.packets]);
    assert.deepEqual(misplaced, [late(0, 1)]);
    const reversed = await decode(three, [...c.packets, ...b.packets, ...a.packets]);
    assert.deepEqual(reversed.misplaced, [late(1, 2), late(0, 1)]);
  });

  test('a run that another one was put into is told, and so is that one where it goes on', async () => {
    const [begin, rest] = halves(a);
    const cut = await decode(three, [...begin, ...b.packets, ...rest]);
    assert.deepEqual(cut.misplaced, [again(0, 1)]);
    assert.equal(cut.video, videoOf(0, 0, 5) + videoOf(1) + videoOf(0, 5));
    const [beginOther, restOther] = halves(c);
    const parts = [...begin, ...beginOther, ...rest, ...restOther];
    assert.deepEqual((await decode(three, parts)).misplaced, [again(0, 2), again(2, 0)]);
  });

  test('packets of two runs in turns are told once for each run', async () => {
    const turns = a.packets.flatMap((packet, index) => [packet, b.packets[index] ?? Buffer.of()]);
    const { misplaced } = await decode(three, turns);
    assert.deepEqual(misplaced, [again(0, 1), again(1, 0)]);
  });

  test('only what is put out is told', async () => {
    const swapped = [...b.packets, ...a.packets];
    const late5 = await decode(three, swapped, { range: { fromMs: 5000, toMs: undefined } });
    assert.deepEqual(late5.misplaced, [late(0, 1)]);
    const behind = await decode(three, swapped, { range: { fromMs: runMs, toMs: undefined } });
    assert.deepEqual(behind, { video: videoOf(1), misplaced: [], damaged: false });
  });
});

describe('runs in their order', () => {
  test('are not told: several, with headers that stand again, also where the clock was set back', async () => {
    for (const startMs of [(run: number) => run * runMs, (run: number) => (9 - run) * runMs, () => 0]) {
      const runs = runsOf(3, startMs);
      const decoded = await decode(
        runs,
        runs.flatMap(({ packets }) => packets),
      );
      assert.deepEqual(decoded, {
        video: videoOf(0) + videoOf(1) + videoOf(2),
        ...{ misplaced: [], damaged: false },
      });
    }
  });

  test('nor behind a place that was sought, in the middle of a run', async () => {
    const [, rest] = halves(a);
    for (const packets of [rest, rest.slice(1)]) {
      const decoded = await decode(three, [...packets, ...b.packets], { header: a.header });
      assert.deepEqual(decoded, { video: videoOf(0, 5) + videoOf(1), misplaced: [], damaged: false });
    }
  });

  test('nor where somebody was given a part of each', async () => {
    const partOf = (run: number): RunPart =>
      run === 0 ? { fromMs: 5000, toMs: runMs } : { fromMs: 0, toMs: 5000 };
    const [packets, swapped] = [
      [...a.packets, ...b.packets],
      [...b.packets, ...a.packets],
    ];
    const given = videoOf(0, 5) + videoOf(1, 0, 5);
    // The key frame that the first picture needs stands a second before.
    const expected = { video: `0:4 ${given}`, misplaced: [], damaged: false };
    assert.deepEqual(await decode(three, packets, { partOf }), expected);
    assert.deepEqual((await decode(three, swapped, { partOf })).misplaced, [late(0, 1)]);
  });

  test('nor where the camera certified them later, up to where it did', async () => {
    const reachOf = (run: number): Reach => ({ packets: run === 1 ? 10 : 5, isUnsigned: false });
    const { misplaced } = await decode(three, [...a.packets, ...b.packets], { reachOf });
    assert.deepEqual(misplaced, []);
    const swapped = await decode(three, [...b.packets, ...a.packets], { reachOf });
    assert.deepEqual([swapped.misplaced, swapped.video], [[late(0, 1)], videoOf(1) + videoOf(0, 0, 5)]);
  });

  test('nor where a header of the one that follows was copied before them', async () => {
    const [copy = Buffer.of()] = b.packets;
    const decoded = await decode(three, [copy, ...a.packets.toSpliced(3, 0, copy), ...b.packets]);
    assert.deepEqual([decoded.misplaced, decoded.video], [[], videoOf(0) + videoOf(1)]);
  });

  test("nor where what stands before them is refused, or is nobody's", async () => {
    const swapped = [...b.packets, ...a.packets];
    const { misplaced, video } = await decode(three, swapped, { refused: [1] });
    assert.deepEqual([misplaced, video], [[], videoOf(0)]);
    const reachOf = (run: number): Reach => ({ ...everything, isUnsigned: run === 1 });
    const unsigned = await decode(three, swapped, { reachOf });
    assert.deepEqual([unsigned.misplaced, unsigned.video], [[], videoOf(1) + videoOf(0)]);
  });

  test('a run that stands there twice is put out once, and told as skipped', async () => {
    const decoded = await decode(three, [...a.packets, ...b.packets, ...a.packets]);
    assert.deepEqual(decoded, { video: videoOf(0) + videoOf(1), misplaced: [], damaged: true });
  });
});
