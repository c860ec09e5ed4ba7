/**
 * The last minute of a 2 GiB day, by seeking and by decrypting through: time to the first video of that minute,
 * and how much of the file was read for it. Opening the key packet, the same for both, is left out.
 */
import { createSecretKey } from 'node:crypto';
import path from 'node:path';
import { Decoder } from '../../runtime/viewer/decoder.ts';
import { type OpenKey, seek } from '../../runtime/viewer/seek.ts';
import { openFileSource, type RandomAccess, type Source } from '../../runtime/viewer/source.ts';
import { makeKeys } from '../keys.ts';
import { makeRecording } from '../recording.ts';
import { type Figure, quantile } from '../report.ts';

const recordingBytes = 2 * 2 ** 30;
const packetBytes = 64 * 1024;
const dayMs = 24 * 3_600_000;
const startMs = Date.UTC(2026, 0, 1);
const lastMinuteMs = startMs + dayMs - 60_000;
const seeks = 21;

export async function measureSeek(directory: string): Promise<Figure[]> {
  const keys = await makeKeys(directory);
  const file = path.join(directory, 'day.encrocam');
  const made = await makeRecording({
    ...keys,
    file,
    totalBytes: recordingBytes,
    packetBytes,
    startMs,
    durationMs: dayMs,
  });
  const key = createSecretKey(made.key);
  const opener = { open: async () => ({ key: made.key, signedBy: '' as never }) };
  const source = await openFileSource(file);
  try {
    const through = await timeToVideo(source, opener, 0);
    const times: number[] = [];
    let readBytes = 0;
    for (let index = 0; index < seeks; index++) {
      const counted = countReads(source);
      const beganMs = performance.now();
      const place = await seek(counted.access, lastMinuteMs, (async () => key) satisfies OpenKey);
      const { readBytes: decrypted } = await timeToVideo(source, opener, place.offset, place.key);
      times.push(performance.now() - beganMs);
      readBytes = counted.readBytes() + decrypted;
    }
    const seekMs = quantile(times, 0.5);
    return [
      { name: 'last minute of 2 GiB, by decrypting through', value: through.ms, unit: 'ms' },
      { name: 'last minute of 2 GiB, by seeking (median)', value: seekMs, unit: 'ms' },
      { name: 'seeking, times faster', value: through.ms / seekMs, unit: '', target: { atLeast: 200 } },
      {
        name: 'seeking, read until the first video',
        value: readBytes / 2 ** 20,
        unit: 'MiB',
        target: { atMost: 1 },
      },
    ];
  } finally {
    await source.close();
  }
}

/** Decrypts from `offset` on until the first video of the last minute comes out. */
async function timeToVideo(
  source: Source,
  opener: ConstructorParameters<typeof Decoder>[0]['opener'],
  offset: number,
  key?: ReturnType<typeof createSecretKey>,
): Promise<{ ms: number; readBytes: number }> {
  const beganMs = performance.now();
  const decoder = new Decoder({
    opener,
    range: { fromMs: lastMinuteMs, toMs: undefined },
    offset,
    ...(key ? { key } : {}),
    onSkip: () => undefined,
    onBadKey: (_, error) => {
      throw error;
    },
  });
  let readBytes = 0;
  for await (const chunk of source.stream(offset)) {
    readBytes += chunk.length;
    if ((await decoder.push(chunk)).length > 0) return { ms: performance.now() - beganMs, readBytes };
  }
  throw new Error('the last minute was not found');
}

function countReads(source: Source): { access: RandomAccess; readBytes: () => number } {
  const { access } = source;
  if (!access) throw new Error('a file can be read anywhere');
  let bytes = 0;
  const counted: RandomAccess = {
    ...access,
    async read(offset, length) {
      const buffer = await access.read(offset, length);
      bytes += buffer.length;
      return buffer;
    },
  };
  return { access: counted, readBytes: () => bytes };
}
