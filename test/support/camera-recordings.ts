/** What a camera leaves in its directory, made at once: a recording a minute, each naming the end of the one before. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadSealingKeys, type SealingKeys } from '../../runtime/pgp/seal.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { previousOf, type SignedRunOptions, type SyntheticRun, signedRun } from './synthetic-run.ts';

const keys = path.join(import.meta.dirname, '../vectors/encrocrypt2');
/** The camera's public key, as its owner has it. */
export const cameraFile = path.join(keys, 'camera.public.asc');
export const ownerFile = path.join(keys, 'owner.public.asc');
export const minuteMs = 60_000;
/** When the first recording begins: 2027-01-15, 08:00 UTC. */
export const firstMs = Date.UTC(2027, 0, 15, 8);

export interface Recording {
  readonly fileName: string;
  readonly file: string;
  readonly run: SyntheticRun;
}

/** So many recordings, each of which is surely there. */
export interface Recordings {
  1: [Recording];
  2: [Recording, Recording];
  3: [Recording, Recording, Recording];
  4: [Recording, Recording, Recording, Recording];
}

export interface RecordingOptions {
  readonly keys?: SealingKeys;
  /** The recording before the first one of these. */
  readonly after?: Recording;
  /** Minutes between `firstMs` and the first one of these. Default: 0. */
  readonly minute?: number;
  /** What differs in the run of minute `minute`. */
  readonly run?: (minute: number) => SignedRunOptions;
}

export function cameraKeys(): Promise<SealingKeys> {
  return loadSealingKeys([ownerFile], path.join(keys, 'camera.secret.asc'));
}

export async function recordMinutes<Count extends keyof Recordings>(
  place: string,
  count: Count,
  options: RecordingOptions = {},
): Promise<Recordings[Count]> {
  await mkdir(place, { recursive: true });
  const sealing = options.keys ?? (await cameraKeys());
  const recordings: Recording[] = [];
  for (let minute = options.minute ?? 0; recordings.length < count; minute++) {
    const startMs = firstMs + minute * minuteMs;
    const { fileName } = recordingAt(startMs, minuteMs);
    const before = recordings.at(-1) ?? options.after;
    const { statement, ...more } = options.run?.(minute) ?? {};
    const run = await signedRun(sealing, {
      ...{ fill: minute + 1, seconds: 60, packetsPerSecond: 1, video: (index) => Buffer.alloc(500, index) },
      ...more,
      statement: {
        ...{ recording: fileName, startMs, clock: { state: 'synchronised' } },
        ...(before ? { previous: previousOf(before.run) } : {}),
        ...statement,
      },
    });
    const file = path.join(place, fileName);
    await writeFile(file, run.bytes);
    recordings.push({ fileName, file, run });
  }
  return recordings as Recordings[Count];
}
