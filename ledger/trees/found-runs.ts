/** Runs that ended, as recordings on the disk tell: without any secret, and by reading all of each file. */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { FileVerifier, type VerifiedRun } from '../../runtime/encrocrypt/v3/index.ts';
import { messageOf, systemErrorCode } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { parseRecordingName } from '../../runtime/recordings/names.ts';
import type { EndedRun } from '../../runtime/state/ended-runs.ts';
import { hexOf } from './hex.ts';

/** A recording that was written to more recently may have a run that did not end. A checkpoint is due every few seconds. */
const quietMs = 3600_000;
const readBytes = 1024 * 1024;

/** A run of a file, and how far a checkpoint or its final vouches for it: milliseconds since its start. */
export interface FoundRun extends VerifiedRun {
  readonly vouchedMs: number;
}

/**
 * The runs of a file, in its order, each once.
 * @param options `gently`: rests three times as long as it works, and keeps no process from ending.
 */
export async function runsOfFile(file: string, { gently = false } = {}): Promise<FoundRun[]> {
  const runs: FoundRun[] = [];
  let vouchedMs = 0;
  const verifier = new FileVerifier({
    onRun: () => undefined,
    onStretch: (_, { verdict, toMs }) => {
      if (verdict !== 'unfinished') vouchedMs = Math.max(vouchedMs, toMs);
    },
    onRunEnd: (run) => {
      if (!run.isRepeated) runs.push({ ...run, vouchedMs: run.final?.timeMs ?? vouchedMs });
      vouchedMs = 0;
    },
    onSkip: () => undefined,
  });
  let beganMs = performance.now();
  for await (const chunk of createReadStream(file, { highWaterMark: readBytes })) {
    verifier.push(chunk as Buffer);
    if (!gently) continue;
    await pause(1 + 3 * (performance.now() - beganMs), undefined, { ref: false });
    beganMs = performance.now();
  }
  verifier.end();
  return runs.sort((one, other) => one.offset - other.offset);
}

/** All runs in a camera's recordings that have ended, while others record. A file that cannot be read is told of and left out. */
export async function findEndedRuns(
  camera: { readonly localDirectory: string; readonly driveDirectory: string },
  { nowMs, logger }: { readonly nowMs: number; readonly logger: Logger },
): Promise<EndedRun[]> {
  const names = await readdir(camera.localDirectory).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  });
  const found: EndedRun[] = [];
  for (const name of names.filter((one) => parseRecordingName(one)).sort()) {
    const file = path.join(camera.localDirectory, name);
    try {
      const stats = await stat(file);
      if (!stats.isFile()) continue;
      const runs = await runsOfFile(file, { gently: true });
      const last = runs.at(-1);
      // One whose clock is ahead counts as just written.
      const isQuiet = nowMs - stats.mtimeMs >= quietMs;
      for (const run of runs) {
        if (run === last && !run.final && !isQuiet) continue;
        found.push(endedRun(run, camera.driveDirectory));
      }
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') continue;
      logger.warn('a recording cannot be read: its runs are in no tree', { file, cause: messageOf(error) });
    }
  }
  return found;
}

function endedRun({ header: { statement }, link, vouchedMs }: FoundRun, directory: string): EndedRun {
  const { runId, recording, startMs } = statement;
  return {
    ...{ run: hexOf(runId), recording, directory, link: hexOf(link) },
    ...{ fromMs: startMs, toMs: startMs + vouchedMs },
  };
}
