/** Decrypting half of a day of EncroCrypt3 of 2 GB. Opening a run's header, which OpenPGP does, is left out. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Header } from '../../runtime/encrocrypt/v3/index.ts';
import { VideoJoiner } from '../../runtime/viewer/joiner.ts';
import { KnownRun } from '../../runtime/viewer/known-runs.ts';
import { RunDecoder } from '../../runtime/viewer/run-decoder.ts';
import { seekRun } from '../../runtime/viewer/run-seek.ts';
import { openFileSource, type Source } from '../../runtime/viewer/source.ts';
import { longRecording } from '../../test/support/long-recording.ts';
import { opensslMegabytesPerSecond } from '../openssl.ts';
import type { Figure } from '../report.ts';

const packetBytes = 64 * 1024;
const recordingBytes = 2e9;
const dayMs = 24 * 3_600_000;
const startMs = Date.UTC(2026, 0, 1);
const rounds = 5;
const all = { packets: Number.POSITIVE_INFINITY, isUnsigned: false };

export async function measureRange(directory: string): Promise<Figure[]> {
  const file = path.join(directory, 'day3.encrocam');
  const content = randomBytes(packetBytes);
  const packetMs = Math.round((dayMs * packetBytes) / recordingBytes);
  const long = longRecording({ startMs, durationMs: dayMs, packetMs, video: () => content });
  const stream = createWriteStream(file, { highWaterMark: 1 << 22 });
  for (const packet of long.packets) if (!stream.write(packet)) await once(stream, 'drain');
  stream.end();
  await once(stream, 'close');

  const open = async (header: Header): Promise<KnownRun> => new KnownRun(header, long.keysOf(header), all);
  const source = await openFileSource(file);
  try {
    const aes: number[] = [];
    const decrypting: number[] = [];
    const perCore: number[] = [];
    const range = { fromMs: startMs + dayMs / 4, toMs: startMs + (3 * dayMs) / 4 };
    for (let round = 0; round < rounds; round++) {
      aes.push(await opensslMegabytesPerSecond('aes-128-gcm', packetBytes));
      const before = process.cpuUsage();
      const { bytes, ms } = await decrypt(source, open, range);
      const { user, system } = process.cpuUsage(before);
      perCore.push(bytes / (user + system));
      if (bytes < recordingBytes / 2 - 2 * packetBytes)
        throw new Error(`only ${bytes} bytes of the range came`);
      decrypting.push(bytes / 1e3 / ms);
    }
    const [openssl, decrypted] = [Math.max(...aes), Math.max(...decrypting)];
    return [
      { name: 'openssl aes-128-gcm, 64 KiB', value: openssl, unit: 'MB/s' },
      { name: 'decrypting half a day, 1 GB', value: decrypted, unit: 'MB/s' },
      {
        name: 'decrypting, share of openssl',
        value: decrypted / openssl,
        unit: '',
        target: { atLeast: 0.3 },
      },
      { name: 'decrypting, share by processor time', value: Math.max(...perCore) / openssl, unit: '' },
    ];
  } finally {
    await source.close();
    await rm(file);
  }
}

/** From the place where the range begins to its end. */
async function decrypt(
  source: Source,
  open: (header: Header) => Promise<KnownRun>,
  range: { fromMs: number; toMs: number },
): Promise<{ ms: number; bytes: number }> {
  const { access } = source;
  if (!access) throw new Error('a file can be read anywhere');
  let bytes = 0;
  const beganMs = performance.now();
  const place = await seekRun(access, range.fromMs, { open, endMs: startMs + dayMs });
  const decoder = new RunDecoder({
    ...{ openRun: open, range, joiner: new VideoJoiner(), offset: place.offset },
    ...(place.header ? { header: place.header } : {}),
    ...{ onSkip: fail('skipped'), onMissing: fail('missing'), onBadHeader: fail('refused') },
    onMisplaced: fail('misplaced'),
  });
  for await (const chunk of source.stream(place.offset)) {
    for (const piece of await decoder.push(chunk)) bytes += Buffer.isBuffer(piece) ? piece.length : 0;
    if (decoder.finished) break;
  }
  return { ms: performance.now() - beganMs, bytes };
}

function fail(what: string): () => never {
  return () => {
    throw new Error(`something of the day is ${what}`);
  };
}
