import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type SyntheticOptions, SyntheticRecording } from '../../test/support/synthetic-recording.ts';
import { encodeKeyPacket, VideoEncrypter } from '../encrocrypt/index.ts';
import { EncroCamError } from '../errors.ts';
import type { KeyOpener } from '../pgp/open.ts';
import { Decoder } from './decoder.ts';
import { type SeekResult, seek, seekNearEnd } from './seek.ts';

const startMs = Date.UTC(2026, 10, 22, 13);
const minuteMs = 60_000;
const mebibyte = 1024 * 1024;

/** Packets that are taken at equal distances over `minutes`. */
function evenly(packets: number, minutes: number): (packet: number) => number {
  return (packet) => startMs + Math.floor((packet * minutes * minuteMs) / packets);
}

function openerOf(recording: SyntheticRecording): KeyOpener {
  return {
    async open(message) {
      const key = await recording.openKey(Buffer.from(message));
      if (!key) throw new EncroCamError('NOT_AUTHENTIC', 'no');
      return { key: key.export(), signedBy: '' as never };
    },
  };
}

/** The video from `fromMs` on, decrypted from where `start` says. */
async function videoFrom(recording: SyntheticRecording, fromMs: number, start: SeekResult): Promise<string> {
  const decoder = new Decoder({
    opener: openerOf(recording),
    range: { fromMs, toMs: undefined },
    offset: start.offset,
    ...(start.key ? { key: start.key } : {}),
    onSkip: () => undefined,
    onBadKey: () => undefined,
  });
  const parts: Buffer[] = [];
  for await (const chunk of recording.stream(start.offset)) parts.push(...(await decoder.push(chunk)));
  parts.push(...(await decoder.end()));
  return Buffer.concat(parts).toString();
}

/** Seeking must show exactly what reading from the beginning shows. */
async function assertSameAsReading(recording: SyntheticRecording, fromMs: number): Promise<SeekResult> {
  const found = await seek(recording, fromMs, recording.openKey);
  const sought = await videoFrom(recording, fromMs, found);
  const read = await videoFrom(recording, fromMs, { offset: 0, key: undefined });
  assert.ok(sought === read, `seeking gives ${sought.length} bytes, reading ${read.length}`);
  return found;
}

describe('seeking', () => {
  // 2 GiB in packets of 64 KiB, one hour.
  const packets = 32_768;
  const large: SyntheticOptions = { packets, videoBytes: 65_536, timeMs: evenly(packets, 60) };

  for (const minute of [1, 17, 30, 59]) {
    test(`minute ${minute} of a recording of 2 GiB costs less than 1 MiB`, async () => {
      const recording = new SyntheticRecording(large);
      const fromMs = startMs + minute * minuteMs;
      const found = await seek(recording, fromMs, recording.openKey);
      assert.ok(recording.bytesRead < mebibyte, `read ${recording.bytesRead} bytes`);
      const exact = recording.offsetOf(Math.ceil((minute * packets) / 60));
      assert.ok(found.offset <= exact, 'it is not too late');
      assert.ok(exact - found.offset <= mebibyte / 2, `it is ${exact - found.offset} bytes too early`);
      assert.ok(found.key);
    });
  }

  test('minute 1,439 of a day on a drive costs less than 1 MiB and few round trips', async () => {
    const day: SyntheticOptions = { packets: 86_400, videoBytes: 80_000, timeMs: evenly(86_400, 1440) };
    const recording = new SyntheticRecording(day, 32 * 1024);
    const found = await seek(recording, startMs + 1439 * minuteMs, recording.openKey);
    assert.ok(recording.bytesRead < 1.5 * mebibyte, `read ${recording.bytesRead} bytes`);
    assert.ok(recording.reads <= 40, `asked ${recording.reads} times`);
    assert.ok(found.offset > recording.sizeBytes * 0.999);
  });

  const small = { packets: 6000, videoBytes: 500 };
  const make = (options: Partial<SyntheticOptions> = {}): SyntheticRecording =>
    new SyntheticRecording({ ...small, timeMs: evenly(6000, 60), ...options }).whole();

  test('a time before the recording starts at its beginning', async () => {
    const found = await assertSameAsReading(make(), startMs - minuteMs);
    assert.deepEqual(found, { offset: 0, key: undefined });
  });

  test('a time after the recording gives nothing', async () => {
    await assertSameAsReading(make(), startMs + 61 * minuteMs);
  });

  test('every minute of a recording with many restarts is found with its key', async () => {
    const keysAt = [700, 701, 2500, 4000, 4001, 4100, 5900];
    const recording = make({ keysAt });
    for (let minute = 0; minute < 60; minute += 3) {
      const found = await assertSameAsReading(recording, startMs + minute * minuteMs);
      if (minute > 5) assert.ok(found.offset > 0, `minute ${minute} was read up to`);
    }
  });

  test('uneven rates are found as well', async () => {
    // Nine tenths of the bytes are in the last ten minutes.
    const timeMs = (packet: number): number =>
      startMs + Math.floor((packet < 600 ? packet / 12 : 50 + (packet - 600) / 540) * minuteMs);
    const recording = make({ timeMs });
    for (const minute of [1, 25, 49, 50, 51, 59]) {
      await assertSameAsReading(recording, startMs + minute * minuteMs);
    }
  });

  test('a long gap is found as well', async () => {
    const timeMs = (packet: number): number =>
      startMs + Math.floor((packet / 100 + (packet < 3000 ? 0 : 300)) * minuteMs);
    const recording = make({ timeMs });
    for (const minute of [29, 30, 200, 330, 331, 350]) {
      await assertSameAsReading(recording, startMs + minute * minuteMs);
    }
  });

  test('where the clock was set back, what comes first is shown, and the same minutes again', async () => {
    // 0 to 40 minutes, then 20 to 40 once more.
    const timeMs = (packet: number): number =>
      startMs + Math.floor((packet < 4000 ? packet / 100 : packet / 100 - 20) * minuteMs);
    const recording = make({ timeMs });
    for (const minute of [5, 19, 20, 30, 36, 38, 39]) {
      await assertSameAsReading(recording, startMs + minute * minuteMs);
    }
  });

  test('a clock that was far off at first costs time, not video', async () => {
    for (const wrongMs of [0, Date.UTC(2031, 0)]) {
      const timeMs = (packet: number): number => (packet < 50 ? wrongMs : evenly(6000, 60)(packet));
      await assertSameAsReading(make({ timeMs }), startMs + 45 * minuteMs);
    }
  });

  test('a hole, and stray magics in it, do not mislead', async () => {
    const stray = new VideoEncrypter(Buffer.alloc(16)).encrypt(Buffer.alloc(40), Date.UTC(2040, 0));
    for (const place of [0.2, 0.4, 0.5, 0.6, 0.8]) {
      const hole = Buffer.alloc(200_000);
      for (let offset = 1000; offset < 190_000; offset += 20_000) stray.copy(hole, offset, 0, 40);
      const damage = [{ offset: Math.floor(6000 * 554 * place) - 100_000, bytes: hole }];
      const recording = make({ keysAt: [3000], damage });
      for (const minute of [5, 20, 44]) await assertSameAsReading(recording, startMs + minute * minuteMs);
    }
  });

  test('a damaged key packet leaves what can be read anyway', async () => {
    const intact = make({ keysAt: [3000] });
    const damage = [{ offset: intact.offsetOf(3000) - 200, bytes: Buffer.alloc(150) }];
    const recording = make({ keysAt: [3000, 4500], damage });
    for (const minute of [10, 29, 40, 50]) await assertSameAsReading(recording, startMs + minute * minuteMs);
  });

  test('key packets that nobody can use do not hide the ones that can be', async () => {
    const recording = make({ keysAt: [2000, 4000], fakeKeysAt: [0, 10, 1990, 2010, 3900, 4000, 4001] });
    for (const minute of [10, 21, 39, 41, 59])
      await assertSameAsReading(recording, startMs + minute * minuteMs);
  });

  test('a file of anything else is answered with its beginning', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(3 * mebibyte), encodeKeyPacket(Buffer.alloc(100))]) {
      const access = {
        sizeBytes: bytes.length,
        probeBytes: 4096,
        read: async (offset: number, length: number) => bytes.subarray(offset, offset + length),
      };
      const found = await seek(access, startMs, async () => undefined);
      assert.deepEqual(found, { offset: 0, key: undefined });
    }
  });
});

describe('seeking near the end of a recording that grows', () => {
  test('starts within a few seconds of what was asked for, with the key in force', async () => {
    const options = { packets: 6000, videoBytes: 5000, keysAt: [3000], timeMs: evenly(6000, 60) };
    const recording = new SyntheticRecording(options);
    const found = await seekNearEnd(recording, 10_000, recording.openKey);
    const secondsBack = ((recording.sizeBytes - found.offset) / recording.sizeBytes) * 3600;
    assert.ok(secondsBack > 5 && secondsBack < 20, `${secondsBack} s back`);
    assert.match(await videoFrom(recording, 0, found), /5999;/);
  });

  test('starts at the beginning of a recording that has just begun', async () => {
    const recording = new SyntheticRecording({ packets: 3, videoBytes: 50, timeMs: () => startMs });
    const found = await seekNearEnd(recording, 60_000, recording.openKey);
    assert.match(await videoFrom(recording, 0, found), /^0;/);
  });
});
