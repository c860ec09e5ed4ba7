/**
 * Watches whatever camera gives pictures for codes, for as long as it is wanted: one at a time, the first one that
 * works, tried again with pauses when there is none, it is busy, or it is pulled out. Holds one picture.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { type EncroCamError, isEncroCamError, messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import type { DetectedCamera } from '../wizard/machine.ts';
import type { GrayPicture, ReadCodes } from './reader.ts';

export type Turn =
  /** Nobody else wants the camera. */
  | 'watch'
  /** The wizard is at work, and tries cameras. */
  | 'wait'
  /** The camera has an owner. */
  | 'end';

export interface WatchOptions {
  readonly cameras: () => Promise<readonly DetectedCamera[]>;
  readonly pictures: (camera: DetectedCamera, signal: AbortSignal) => AsyncIterable<GrayPicture>;
  readonly read: ReadCodes;
  /** Takes what was read. @returns whether that was enough. */
  readonly take: (text: string) => Promise<boolean>;
  /** Asked every two seconds. */
  readonly turn: () => Promise<Turn>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** For tests. */
  readonly pollMs?: number;
  readonly pauseMs?: number;
}

const defaultPollMs = 2_000;
/** Between two rounds over the cameras. */
const defaultPauseMs = 5_000;

/** Resolves when a text was enough, the camera has an owner, or the signal came; @returns which of them. */
export async function watchForCodes(options: WatchOptions): Promise<'taken' | 'ended'> {
  const { signal, logger, pollMs = defaultPollMs, pauseMs = defaultPauseMs } = options;
  const told = new Map<string, string>();
  /** What fails in the same way again and again is told once. */
  const tell = (device: string, reason: string): void => {
    if (told.get(device) === reason) return;
    told.set(device, reason);
    logger.warn('cannot look for pairing codes', { device, reason });
  };
  while (!signal.aborted) {
    const turn = await options.turn();
    if (turn === 'end') return 'ended';
    if (turn === 'wait') {
      await pause(pollMs, signal);
      continue;
    }
    const cameras = await options.cameras();
    if (cameras.length === 0) tell('none', 'there is no camera');
    let hadTurn = true;
    for (const camera of cameras) {
      const end = await watchCamera(camera, options).catch((error: unknown) => {
        if (!isEncroCamError(error)) throw error;
        tell(camera.device, messageOf(error satisfies EncroCamError));
        return 'failed' as const;
      });
      if (end === 'taken') return 'taken';
      if (end === 'other' || signal.aborted) {
        hadTurn = false;
        break;
      }
    }
    if (hadTurn) await pause(pauseMs, signal);
  }
  return 'ended';
}

/** One camera, until it fails, a text was enough, or it is somebody else's turn. */
async function watchCamera(
  camera: DetectedCamera,
  { pictures, read, take, turn, logger, signal, pollMs = defaultPollMs }: WatchOptions,
): Promise<'taken' | 'other'> {
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const look = async (): Promise<void> => {
    for (;;) {
      await pause(pollMs, stop);
      if (stop.aborted) return;
      if ((await turn()) !== 'watch') over.abort();
    }
  };
  let failure: unknown;
  // Heard at once: else it would end the process with the camera open.
  const poll = look().catch((error: unknown) => {
    failure = error;
    over.abort();
  });
  try {
    let isFirst = true;
    for await (const picture of pictures(camera, stop)) {
      if (isFirst) logger.info('looking for pairing codes', { camera: camera.name, device: camera.device });
      isFirst = false;
      for (const text of await read(picture)) if (await take(text)) return 'taken';
    }
  } finally {
    over.abort();
    await poll;
  }
  if (failure !== undefined) throw failure;
  return 'other';
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined);
}
