import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type LongRecording, longRecording } from '../../test/support/long-recording.ts';
import type { Header } from '../encrocrypt/v3/index.ts';
import { VideoJoiner } from './joiner.ts';
import { KnownRun } from './known-runs.ts';
import { RunDecoder } from './run-decoder.ts';
import { type RunPlace, seekRun, seekRunNearEnd } from './run-seek.ts';
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
const packetsPerDay = (24 * hourMs) / packetMs;
const dayOf = (swing: number): Recording =>
  new Recording(
    longRecording({
      ...{ startMs, durationMs: 24 * hourMs, packetMs },
      isKeyFrame: (packet) => packet % 2 === 0,
      video: (packet) => video(packet, 1500, packetsPerDay, swing),
    }),
  );

describe('seeking in a day of EncroCrypt3', () => {
  const day = dayOf(0);
  const swinging = dayOf(0.5);

  // With the read of the video itself, five.
  for (const [name, recording, mostReads] of [
    ['steady', day, 4],
    ['swinging', swinging, 10],
  ] as const) {
    test(`any hour of a ${name} one is found in ${mostReads} reads at most`, async () => {
      for (const hours of [0.01, 1, 4.4, 4.6, 9.01, 13.37, 17, 21.5, 23.99]) {
        const fromMs = startMs + Math.round(hours * hourMs);
        [recording.reads, recording.opened] = [0, 0];
        const place = await seekRun(recording, fromMs, {
          open: recording.open,
          endMs: startMs + 24 * hourMs,
        });
        assert.ok(recording.reads <= mostReads, `hour ${hours}: ${recording.reads} reads`);
        assert.ok(recording.opened <= 4, `hour ${hours}: ${recording.opened} runs opened`);
        // Decrypting until the time is reached costs no more than a read does.
        const piece = recording.bytes.subarray(place.offset, place.offset + 4 * 2 ** 20);
        const { numbers } = await recording.numbersFrom(place, fromMs, piece);
        const [first = -1] = numbers;
        const wanted = Math.ceil((fromMs - startMs) / packetMs);
        assert.ok(first <= wanted && first > wanted - 3 && first % 2 === 0, `packet ${first} for ${wanted}`);
      }
    });
  }

  test('without knowing when it ends, it takes more reads and finds the same', async () => {
    for (const hours of [20]) {
      const fromMs = startMs + hours * hourMs;
      day.reads = 0;
      const place = await seekRun(day, fromMs, { open: day.open, endMs: undefined });
      assert.ok(day.reads <= 14, `${day.reads} reads`);
      await assertSameAsReading(day, place, fromMs);
    }
  });

  test('the last seconds of what is still growing', async () => {
    day.reads = 0;
    const place = await seekRunNearEnd(day, 60_000, { open: day.open, endMs: undefined });
    assert.ok(day.reads <= 6, `${day.reads} reads`);
    const endMs = startMs + 24 * hourMs;
    const { numbers } = await day.numbersFrom(place, endMs - 60_000);
    assert.ok(numbers.length >= 30 && numbers.length < 40, `${numbers.length} packets`);
  });
});

test('pauses, damage and keys that are missing cost time, never a picture', async () => {
  const hours = 2;
  for (let round = 0; round < 12; round += round % 3 === 1 ? 3 : 1) {
    const recording = new Recording(
      longRecording({
        ...{ startMs, durationMs: hours * hourMs, packetMs, runMs: hourMs * (0.3 + (round % 4) / 3) },
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
      const fromMs = startMs + share * hours * hourMs * 1.3;
      const open = async (header: Header): Promise<KnownRun | undefined> =>
        round === 11 && header.statement.startMs > startMs ? undefined : recording.open(header);
      const endMs = round % 2 ? startMs + hours * hourMs : undefined;
      const place = await seekRun(recording, fromMs, { open, endMs });
      await assertSameAsReading(recording, place, fromMs);
    }
  }
});
