import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type LongRecording, longRecording } from '../../test/support/long-recording.ts';
import { VirtualRecording } from '../../test/support/virtual-recording.ts';
import type { Header } from '../encrocrypt/v3/index.ts';
import { VideoJoiner } from './joiner.ts';
import { KnownRun } from './known-runs.ts';
import { RememberedReads } from './remembered-reads.ts';
import { RunDecoder } from './run-decoder.ts';
import { firstWindowBytes, type RunPlace, seekRun, seekRunNearEnd } from './run-seek.ts';
import type { RandomAccess } from './source.ts';

const startMs = Date.UTC(2027, 0, 15);
const hourMs = 3_600_000;
const everything = { packets: Number.POSITIVE_INFINITY, isUnsigned: false };

class Recording implements RandomAccess {
  readonly probeBytes = 4096;
  readonly bytes: Buffer;
  reads = 0;
  opened = 0;
  readonly #long: LongRecording;

  constructor(long: LongRecording, damage: (bytes: Buffer) => void = () => undefined) {
    this.#long = long;
    this.bytes = Buffer.concat([...long.packets]);
    damage(this.bytes);
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    this.reads += 1;
    return this.bytes.subarray(offset, offset + length);
  }

  open = async (header: Header): Promise<KnownRun> => {
    this.opened += 1;
    return new KnownRun(header, this.#long.keysOf(header), everything);
  };

  /** What is decrypted from a place on: the numbers of the packets. */
  async numbersFrom(
    place: RunPlace,
    fromMs: number,
    bytes = this.bytes.subarray(place.offset),
  ): Promise<{ numbers: number[] }> {
    const decoder = new RunDecoder({
      ...{ openRun: this.open, range: { fromMs, toMs: undefined }, joiner: new VideoJoiner() },
      ...{ offset: place.offset, ...(place.header ? { header: place.header } : {}) },
      ...{ onSkip: () => undefined, onMissing: () => undefined, onBadHeader: () => undefined },
      onMisplaced: () => assert.fail('runs stand in their order'),
    });
    const pieces = [...(await decoder.push(bytes)), ...(await decoder.end())];
    const numbers = pieces.map((piece) => (Buffer.isBuffer(piece) ? piece.readUInt32BE(0) : -1));
    return { numbers };
  }
}

/** Sizes vary from packet to packet as those of a camera do, and over a day by `swing` of the mean to both sides. */
function video(packet: number, meanBytes: number, packetsPerDay: number, swing: number): Buffer {
  const ofDay = 1 + swing * Math.sin((2 * Math.PI * packet) / packetsPerDay);
  const ofPacket = packet % 2 === 0 ? 1.6 : 0.7 + ((packet * 2654435761) % 97) / 200;
  const bytes = Buffer.alloc(Math.ceil(meanBytes * ofDay * ofPacket), packet);
  bytes.writeUInt32BE(packet);
  return bytes;
}

async function assertSameAsReading(recording: Recording, place: RunPlace, fromMs: number): Promise<void> {
  const sought = await recording.numbersFrom(place, fromMs);
  const read = await recording.numbersFrom({ offset: 0, header: undefined }, fromMs);
  assert.deepEqual(sought.numbers, read.numbers);
}

const packetMs = 2000;
const dayMs = 24 * hourMs;
const hours = [0.01, 0.9, 4.4, 4.6, 9.01, 13.37, 17, 21.5, 23.99, 24 - 1 / 60];

interface Camera {
  readonly bytesPerSecond: number;
  readonly packetMs: number;
  /** Packets from one key frame, which is three times as large as the mean, to the next. */
  readonly group: number;
  /** Share of the mean by which the bit rate rises and falls over the day. */
  readonly swing: number;
  readonly runMs?: (run: number) => number;
  readonly hasIndex?: boolean;
  readonly isGrowing?: boolean;
}

/** A day of which only the windows that are read are made. */
function dayOf({ bytesPerSecond, group, swing, ...camera }: Camera): VirtualRecording {
  const meanBytes = (bytesPerSecond * camera.packetMs) / 1000;
  return new VirtualRecording({
    ...{ startMs, durationMs: dayMs, group, ...camera },
    sizeOf(packet) {
      const share = group === 1 ? 1 : packet % group === 0 ? 3 : (group - 3) / (group - 1);
      const noise = 0.6 + (0.8 * (((packet * 2654435761) >>> 0) % 997)) / 997;
      const ofDay = 1 + swing * Math.sin((2 * Math.PI * packet * camera.packetMs) / dayMs);
      return Math.ceil(meanBytes * share * noise * ofDay);
    },
  });
}

/** Seeks, and counts reads up to the one that brings the first packet of the time. */
async function readsTo(day: VirtualRecording, fromMs: number, endMs?: number): Promise<number> {
  let reads = 0;
  const access = new RememberedReads({
    ...{ sizeBytes: day.sizeBytes, probeBytes: 4096 },
    async read(offset, length) {
      reads += 1;
      return day.bytes(offset, length);
    },
  });
  const open = async (header: Header): Promise<KnownRun> =>
    new KnownRun(header, day.keysOf(header), everything);
  // As for telling the version.
  await access.read(0, firstWindowBytes);
  const place = await seekRun(access, fromMs, { open, endMs });
  const wanted = Math.ceil((fromMs - startMs) / day.packetMs);
  assert.ok(place.offset <= day.offsetOf(wanted), 'decrypting begins too late');
  const lateBytes = day.offsetOf(wanted) - place.offset;
  assert.ok(lateBytes < 12 * 2 ** 20, `decrypting begins ${lateBytes} bytes too early`);
  const knownEnd = place.offset + access.packetsFrom(place.offset).length;
  return reads + (knownEnd >= day.offsetOf(wanted + 1) ? 0 : 1);
}

describe('seeking in a day of EncroCrypt3', () => {
  const oddRuns = (run: number): number => ([3, 1.2, 4.4, 0.4, 2.2][run % 5] ?? 1) * hourMs;
  const gigabyte = { bytesPerSecond: 12_428, packetMs, group: 1, swing: 0 };
  const busy = { bytesPerSecond: 625_000, packetMs: 125, group: 16, swing: 0 };
  const slow = { ...busy, bytesPerSecond: 125_000, packetMs: 500, group: 4 };
  for (const [name, camera, mostReads] of [
    ['a steady day of 65 MB', { ...gigabyte, bytesPerSecond: 750 }, 3],
    ['a steady day of 1 GiB', gigabyte, 4],
    ['a day of 1 GiB with a packet of 64 KiB each 5.3 s', { ...gigabyte, packetMs: 5300 }, 4],
    ['a day of 1 GiB with runs of any length', { ...gigabyte, runMs: oddRuns }, 4],
    ['a steady day of 1 Mbit/s', slow, 4],
    ['a steady day of 5 Mbit/s', busy, 4],
    ['a day of 65 MB whose bit rate swings by half', { ...gigabyte, bytesPerSecond: 750, swing: 0.5 }, 3],
    ['a day of 1 GiB whose bit rate swings by half', { ...gigabyte, swing: 0.5 }, 4],
    ['a day of 1 Mbit/s whose bit rate swings by half', { ...slow, swing: 0.5 }, 5],
    ['a day of 5 Mbit/s whose bit rate swings by half', { ...busy, swing: 0.5 }, 4],
    ['a steady day of 1 GiB without an index', { ...gigabyte, hasIndex: false }, 4],
    ['a day of 1 GiB that swings, without an index', { ...gigabyte, swing: 0.5, hasIndex: false }, 8],
    ['a day of 5 Mbit/s that swings, without an index', { ...busy, swing: 0.5, hasIndex: false }, 13],
    ['a steady day of 1 GiB that still grows', { ...gigabyte, isGrowing: true }, 5],
    ['a day of 1 GiB that swings and still grows', { ...gigabyte, swing: 0.5, isGrowing: true }, 5],
    ['a day of 5 Mbit/s that swings and still grows', { ...busy, swing: 0.5, isGrowing: true }, 6],
  ] as const) {
    test(`any time of ${name} is shown after ${mostReads} reads at most`, async () => {
      const day = dayOf(camera);
      for (const hour of hours) {
        const reads = await readsTo(day, startMs + Math.round(hour * hourMs), startMs + dayMs);
        assert.ok(reads <= mostReads, `hour ${hour}: ${reads} reads`);
      }
    });
  }

  test('without knowing when it ends, it takes as many', async () => {
    const day = dayOf(gigabyte);
    assert.ok((await readsTo(day, startMs + 20 * hourMs)) <= 4);
  });

  test('a key frame larger than any window is found', async () => {
    const sizeOf = (packet: number): number => (packet % 50 === 0 ? 3 * 2 ** 20 : 100_000);
    const day = new VirtualRecording({ startMs, durationMs: hourMs, packetMs: 400, group: 50, sizeOf });
    for (const minute of [7, 29.96, 51.3]) {
      assert.ok((await readsTo(day, startMs + minute * 60_000, startMs + hourMs)) <= 10);
    }
  });

  test('the last seconds of what is still growing', async () => {
    const day = dayOf(gigabyte);
    let reads = 0;
    const read = async (offset: number, length: number): Promise<Buffer> => {
      reads += 1;
      return day.bytes(offset, length);
    };
    const open = async (header: Header): Promise<KnownRun> =>
      new KnownRun(header, day.keysOf(header), everything);
    const access = { sizeBytes: day.sizeBytes, probeBytes: 4096, read };
    const place = await seekRunNearEnd(access, 60_000, { open, endMs: undefined });
    assert.ok(reads <= 4, `${reads} reads`);
    const wanted = day.offsetOf(day.packets - 30);
    assert.ok(place.offset <= wanted && wanted - place.offset < 2 * 2 ** 20);
  });
});

/** An index that lies, in as many bytes as the one before. */
function replaceIndexes(bytes: Buffer, make: (times: number[], offsets: number[]) => unknown): void {
  const mark = Buffer.from('{"what":"index"');
  for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + 1)) {
    const end = bytes.indexOf('}', at) + 1;
    const { times, offsets } = JSON.parse(bytes.subarray(at, end).toString());
    const lie = JSON.stringify(make(times, offsets)).slice(0, end - at);
    bytes.write(lie.padEnd(end - at), at);
  }
}

describe('an index that lies costs a few reads, never a picture', () => {
  for (const [name, make] of [
    ['it is no JSON', () => '}{'],
    ['it is empty', () => ({ what: 'index', times: [], offsets: [] })],
    ['times run backwards', (times, offsets) => ({ what: 'index', times: times.map((ms) => -ms), offsets })],
    [
      'all is hours later',
      ([first, ...rest], offsets) => ({ what: 'index', times: [Number(first) + 8e6, ...rest], offsets }),
    ],
    [
      'all is hours sooner',
      ([first, ...rest], offsets) => ({ what: 'index', times: [Number(first) - 8e6, ...rest], offsets }),
    ],
    [
      'all headers are at the beginning',
      (times, offsets) => ({ what: 'index', times, offsets: offsets.map(() => 1) }),
    ],
    [
      'places are beyond the file',
      (times, offsets) => ({ what: 'index', times, offsets: offsets.map(() => 9e9) }),
    ],
    [
      'places are before the file',
      (times, offsets) => ({ what: 'index', times, offsets: offsets.map(() => -1) }),
    ],
    [
      'the excerpt of a file begins elsewhere',
      (times, [, ...rest]) => ({ what: 'index', times, offsets: [54_321, ...rest] }),
    ],
  ] as [string, (times: number[], offsets: number[]) => unknown][]) {
    test(name, async () => {
      const recording = new Recording(
        longRecording({
          ...{ startMs, durationMs: 9 * hourMs, packetMs, runMs: 2.3 * hourMs },
          video: (packet) => video(packet, 1000, 40_000, 0.4),
        }),
        (bytes) => replaceIndexes(bytes, make),
      );
      for (const hour of [2.29, 8.7]) {
        recording.reads = 0;
        const place = await seekRun(recording, startMs + hour * hourMs, {
          ...{ open: recording.open, endMs: startMs + 9 * hourMs },
        });
        assert.ok(recording.reads <= 24, `${recording.reads} reads`);
        await assertSameAsReading(recording, place, startMs + hour * hourMs);
      }
    });
  }
});

test('pauses, damage and keys that are missing cost time, never a picture', async () => {
  const hoursLong = 2;
  for (let round = 0; round < 12; round += round % 3 === 1 ? 3 : 1) {
    const recording = new Recording(
      longRecording({
        ...{ startMs, durationMs: hoursLong * hourMs, packetMs, runMs: hourMs * (0.3 + (round % 4) / 3) },
        ...{ pauseMs: (round % 3) * 1_800_000, isKeyFrame: (packet: number) => packet % 2 === 0 },
        video: (packet) => video(packet, 1000, 2500, 0.4),
      }),
      (bytes) => {
        for (let hit = 0; hit < round; hit++) {
          const at = Math.floor(bytes.length / 12) * hit + 5000 * round;
          bytes.fill(0, at, at + 20_000);
        }
      },
    );
    for (const share of [0.3, 0.77]) {
      const fromMs = startMs + share * hoursLong * hourMs * 1.3;
      const open = async (header: Header): Promise<KnownRun | undefined> =>
        round === 11 && header.statement.startMs > startMs ? undefined : recording.open(header);
      const endMs = round % 2 ? startMs + hoursLong * hourMs : undefined;
      const place = await seekRun(recording, fromMs, { open, endMs });
      await assertSameAsReading(recording, place, fromMs);
    }
  }
});

test('a part of a recording that holds no key frame before the time is read from its beginning', {
  timeout: 10_000,
}, async () => {
  const recording = new Recording(
    longRecording({
      ...{ startMs, packetMs, durationMs: 2 * 60_000 },
      // As in an excerpt, in which what comes before cannot be opened.
      isKeyFrame: (packet) => packet >= 50,
      video: (packet) => video(packet, 2000, dayMs / packetMs, 0),
    }),
  );
  const fromMs = startMs + 60_000;
  for (const endMs of [undefined, startMs + 2 * 60_000]) {
    const place = await seekRun(recording, fromMs, { open: recording.open, endMs });
    assert.equal(place.offset, 0);
  }
  const place = await seekRunNearEnd(recording, 60_000, { open: recording.open, endMs: undefined });
  assert.equal(place.offset, 0);
});
