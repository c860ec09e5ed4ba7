/** What `share` and `export` have in common: the range of the command line, and the keys of what was found in it. */
import type { CommandArguments } from '../commands.ts';
import { EncroCamError } from '../errors.ts';
import { stringOption } from '../viewer/options.ts';
import type { RunKeySource } from '../viewer/run-keys.ts';
import { parseRange } from '../viewer/time.ts';
import type { SharedRun } from './capability.ts';
import type { FoundRun } from './find-runs.ts';
import { grantOf, type RunRange } from './grant.ts';

/**
 * `--from` and `--to`, both of which must be there: nobody shall share a camera's whole past by leaving one out.
 * @throws {EncroCamError} `USAGE`
 */
export function boundedRange(args: CommandArguments, nowMs: number): RunRange {
  const { fromMs, toMs } = parseRange(stringOption(args, 'from'), stringOption(args, 'to'), nowMs);
  if (fromMs === undefined || toMs === undefined) {
    throw new EncroCamError('USAGE', 'Both --from and --to are needed.', {
      hint: 'See encrocam share --help.',
    });
  }
  return { fromMs, toMs };
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
        `A run in ${run.checked.file} has no secret for this key.`,
        {
          hint: 'Share it with the key that it was sealed for: --owner FILE for an owner without OpenPGP.',
        },
      );
    }
    granted.push(grantOf(run, run.part, keys));
  }
  return granted;
}
