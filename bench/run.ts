import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../runtime/recorder/clock.ts';
import { headerIntervalMs, type SealedRun } from '../runtime/recorder/run-recording.ts';
import { Sealer } from '../runtime/recorder/seal-child.ts';
import { sealRunIn } from '../runtime/recorder/sealed-run.ts';

const entry = fileURLToPath(new URL('../runtime/cli.ts', import.meta.url));
/** Nearly as long as a run may be. */
const runMs = 4.5 * 3_600_000;

export interface SealingFiles {
  readonly ownerPublicFile: string;
  readonly cameraSecretFile: string;
}

/** A run as a recorder gets it: its secret sealed for the owner, its header signed by the camera. */
export async function sealBenchRun(
  keys: SealingFiles,
  startMs: number,
  recording: string,
  startedMs = 0,
): Promise<SealedRun> {
  const sealer = new Sealer({ ownerKeys: [keys.ownerPublicFile], signingKey: keys.cameraSecretFile }, entry);
  try {
    return await sealRunIn(sealer)({
      ...{ recording, startMs, startedMs, clock: { state: 'synchronised', errorMs: 20 } },
      container: 'video/mp2t',
    });
  } finally {
    sealer.close();
  }
}

/**
 * Writes a recording of EncroCrypt3 of about `totalBytes` whose packets are spread evenly over `durationMs`, with headers and
 * checkpoints as a recorder has them, and a run for each four and a half hours.
 */
export async function makeRunRecording(
  options: SealingFiles & {
    file: string;
    video: Uint8Array;
    totalBytes: number;
    startMs: number;
    durationMs: number;
  },
): Promise<{ bytes: number; packets: number }> {
  const { file, video, totalBytes, startMs, durationMs } = options;
  const packets = Math.round(totalBytes / video.length);
  const stream = createWriteStream(file, { highWaterMark: 1 << 22 });
  let bytes = 0;
  const write = async (...parts: readonly Buffer[]): Promise<void> => {
    for (const part of parts) {
      bytes += part.length;
      if (!stream.write(part)) await once(stream, 'drain');
    }
  };
  let run: (SealedRun & { headersDue: number; signedMs: number }) | undefined;
  const end = async (timeMs: number): Promise<void> => {
    if (run) await write(...run.writer.final(timeMs - run.startedMs, 'length'));
  };
  for (let index = 0; index < packets; index++) {
    const timeMs = Math.floor((index / packets) * durationMs);
    if (!run || timeMs - run.startedMs >= runMs) {
      await end(timeMs);
      const sealed: SealedRun = await sealBenchRun(options, startMs + timeMs, path.basename(file), timeMs);
      run = { ...sealed, headersDue: 0, signedMs: timeMs };
      await write(run.header);
    }
    const { writer, startedMs, checkpointMs, header }: SealedRun = run;
    if (timeMs - run.signedMs >= checkpointMs) {
      run.signedMs = timeMs;
      await write(writer.checkpoint(timeMs - startedMs));
    }
    const due = Math.floor((timeMs - startedMs) / headerIntervalMs);
    if (due !== run.headersDue) {
      run.headersDue = due;
      await write(header);
    }
    await write(...writer.data(video, timeMs - startedMs, true));
  }
  await end(durationMs);
  stream.end();
  await once(stream, 'close');
  return { bytes, packets };
}

/** Time that passes as fast as whoever waits for it. */
export class BenchClock implements Clock {
  #timeMs = 0;
  #timers: { readonly atMs: number; readonly action: () => void }[] = [];
  readonly #startMs: number;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#startMs + this.#timeMs;
  }

  monotonicMs(): number {
    return this.#timeMs;
  }

  schedule(delayMs: number, action: () => void): () => void {
    const timer = { atMs: this.#timeMs + delayMs, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets time pass up to this moment; every timer runs at its own. */
  passTo(timeMs: number): void {
    for (;;) {
      const due = this.#timers.filter(({ atMs }) => atMs <= timeMs);
      const next = due.sort((one, other) => one.atMs - other.atMs)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#timeMs = Math.max(this.#timeMs, next.atMs);
      next.action();
    }
    this.#timeMs = timeMs;
  }
}
