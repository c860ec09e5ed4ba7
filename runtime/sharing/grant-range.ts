/** What `share` and `export` have in common: the range of the command line, and the keys of what was found in it. */
import type { CommandArguments } from '../commands.ts';
import { FormatError } from '../encrocrypt/v3/index.ts';
import { EncroCamError } from '../errors.ts';
import { printable } from '../log.ts';
import { stringOption } from '../viewer/options.ts';
import type { RunKeySource } from '../viewer/run-keys.ts';
import { parseRange, parseTime } from '../viewer/time.ts';
import { type Capability, encodeCapability, maxDateMs, type SharedRun } from './capability.ts';
import type { FoundRun } from './find-runs.ts';
import { grantOf, type RunRange } from './grant.ts';

/**
 * `--from` and `--to`, both of which must be there: nobody shall share a camera's whole past by leaving one out.
 * @throws {EncroCamError} `USAGE`
 */
export function boundedRange(args: CommandArguments, nowMs: number): RunRange {
  const [from, to] = [stringOption(args, 'from'), stringOption(args, 'to')];
  if (from !== undefined) shareableTime(parseTime(from, 'from', nowMs), 'from');
  if (to !== undefined) shareableTime(parseTime(to, 'to', nowMs), 'to');
  const { fromMs, toMs } = parseRange(from, to, nowMs);
  if (fromMs === undefined || toMs === undefined) {
    throw new EncroCamError('USAGE', 'Both --from and --to are needed.', {
      hint: 'See encrocam share --help.',
    });
  }
  return { fromMs, toMs };
}

/**
 * A share counts its times from 1970 on, and no calendar goes on for ever.
 * @throws {EncroCamError} `USAGE`
 */
export function shareableTime(timeMs: number, option: string): number {
  if (timeMs >= 0 && timeMs <= maxDateMs) return timeMs;
  const [first, last] = [0, maxDateMs].map((boundMs) => new Date(boundMs).toISOString());
  throw new EncroCamError('USAGE', `--${option} is out of the times that a share can name.`, {
    hint: `They go from ${first} to ${last}.`,
  });
}

/**
 * @throws {EncroCamError} `USAGE` if the range has more runs than a share can hold.
 */
export function encodeShare(capability: Capability): Buffer {
  try {
    return encodeCapability(capability);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const { length } = capability.runs;
    throw new EncroCamError(
      'USAGE',
      `The range has too much for one share (${length} runs): ${error.message}.`,
      {
        hint: 'Take a shorter range, several times.',
        cause: error,
      },
    );
  }
}

/**
 * The nodes of each run's part.
 * @throws {EncroCamError} what opening a run's secret throws; `DECRYPTION_FAILED` if it is not sealed for this owner.
 */
export async function grant(runs: readonly FoundRun[], owner: RunKeySource): Promise<SharedRun[]> {
  const granted: SharedRun[] = [];
  for (const run of runs) {
    const keys = await owner.keysOf(run.header);
    if (!keys) {
      throw new EncroCamError(
        'DECRYPTION_FAILED',
        `A run in ${printable(run.checked.file)} has no secret for this key.`,
        {
          hint: 'Share it with the key that it was sealed for: --owner FILE for an owner without OpenPGP.',
        },
      );
    }
    granted.push(grantOf(run, run.part, keys));
  }
  return granted;
}
