/**
 * Live viewing: a recording that is still being written is read to its end, then waited on; when a newer one
 * appears beside it, that one follows. Asks for sizes at intervals, which works alike on disks, network shares and
 * drives.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EncroCamError } from '../errors.ts';
import { printable } from '../log.ts';
import type { RecordingName } from '../recordings/names.ts';
import type { Input } from './inputs.ts';
import type { RandomAccess, Source } from './source.ts';

/** A place where recordings appear and grow. */
export interface LivePlace {
  readonly name: string;
  /** The recordings there, oldest first. */
  list(): Promise<readonly RecordingName[]>;
  sizeBytes(recording: RecordingName): Promise<number>;
  /** Bytes from `offset` up to `end`, which the place has said it holds. */
  read(recording: RecordingName, offset: number, end: number): AsyncIterable<Uint8Array>;
  /** A whole file beside the recordings; `undefined` if there is none, or it is larger. */
  readSmall(fileName: string, maxBytes: number): Promise<Buffer | undefined>;
  access(recording: RecordingName, sizeBytes: number): RandomAccess;
}

export interface FollowOptions {
  readonly pollMs: number;
  readonly signal: AbortSignal;
  /** Recordings whose slot is over by then are left out. */
  readonly fromMs: number;
}

/**
 * The recordings from `fromMs` on, or the newest one if that is older, and all that appear later. Ends when `signal` says so.
 * @throws {EncroCamError} `INPUT_UNREADABLE` if there is no recording at all.
 */
export async function* followPlace(place: LivePlace, options: FollowOptions): AsyncGenerator<Input> {
  let last: RecordingName | undefined;
  while (!options.signal.aborted) {
    const all = await place.list();
    const newest = all.at(-1);
    if (!last && !newest) {
      throw new EncroCamError('INPUT_UNREADABLE', `${printable(place.name)} has no recording.`, {
        hint: 'Is the camera recording? See encrocam status.',
      });
    }
    const from = last;
    const next = from
      ? all.find((one) => isNewer(one, from))
      : (all.find((one) => one.startMs + one.lengthMs > options.fromMs) ?? newest);
    if (next) {
      last = next;
      yield { recording: next, open: () => liveSource(place, next, options) };
    } else if (!(await pause(options))) {
      return;
    }
  }
}

async function liveSource(
  place: LivePlace,
  recording: RecordingName,
  options: FollowOptions,
): Promise<Source> {
  return {
    name: `${printable(place.name).replace(/\/$/, '')}/${recording.fileName}`,
    access: place.access(recording, await place.sizeBytes(recording)),
    stream: (offset) => grow(place, recording, offset, options),
    close: async () => undefined,
  };
}

async function* grow(
  place: LivePlace,
  recording: RecordingName,
  offset: number,
  options: FollowOptions,
): AsyncGenerator<Uint8Array> {
  let position = offset;
  let grew = true;
  while (!options.signal.aborted) {
    // In this order: what is written before a newer recording exists is not missed. A listing may be long: none
    // is asked for while bytes keep coming.
    const isOver = !grew && (await place.list()).some((one) => isNewer(one, recording));
    const sizeBytes = await place.sizeBytes(recording);
    grew = sizeBytes > position;
    if (grew) {
      for await (const chunk of place.read(recording, position, sizeBytes)) {
        position += chunk.length;
        yield chunk;
        if (options.signal.aborted) return;
      }
    } else if (isOver || !(await pause(options))) {
      return;
    }
  }
}

function isNewer(one: RecordingName, than: RecordingName): boolean {
  return one.startMs > than.startMs;
}

/** Resolves with whether to go on. */
async function pause({ pollMs, signal }: FollowOptions): Promise<boolean> {
  try {
    await sleep(pollMs, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
