/** Which runs have something in a range, and who vouches for them. What `share` and `export` begin with. */
import type { Key } from 'openpgp';
import { EncroCamError } from '../errors.ts';
import { localTime, printable } from '../log.ts';
import { checkFile } from '../verifier/check-file.ts';
import type { CheckedRun } from '../verifier/timeline.ts';
import type { Input } from '../viewer/inputs.ts';
import { type KnownRun, overlapOf, type RunRange } from './grant.ts';

export interface FoundRun extends KnownRun {
  readonly input: Input;
  readonly checked: CheckedRun;
  /** Of the range that was asked for, what lies in this run. */
  readonly part: RunRange;
}

export interface FoundRuns {
  /** In the order of time; at least one. */
  readonly runs: readonly FoundRun[];
  /** Runs in the range that somebody else signed, and that are left out: their files. */
  readonly foreign: readonly string[];
}

/**
 * Reads the recordings as a whole: only so it is known where a run ends, and that nothing lies between.
 * @param range milliseconds since the epoch, the end excluded.
 * @throws {EncroCamError} `INPUT_UNREADABLE`, also if there is nothing in the range.
 */
export async function findRuns(
  place: string,
  inputs: Iterable<Input> | AsyncIterable<Input>,
  range: RunRange,
  trusted: Key,
): Promise<FoundRuns> {
  const found = new Map<string, FoundRun>();
  const foreign: string[] = [];
  let oldFiles = 0;
  for await (const input of inputs) {
    const source = await input.open();
    try {
      const { version, runs } = await checkFile(source.name, source.stream(0), trusted);
      if (version === 2) oldFiles += 1;
      for (const checked of runs) {
        const run = { ...knownRun(checked), checked, input };
        const part = overlapOf(run, range);
        const id = checked.header.hash.toString('hex');
        if (part && checked.voucher === 'not authentic') foreign.push(checked.file);
        else if (part && !found.has(id)) found.set(id, { ...run, part });
      }
    } finally {
      await source.close();
    }
  }
  if (found.size === 0) throw nothing(place, range, { oldFiles, foreign: foreign.length });
  const runs = [...found.values()].sort((one, other) => startOf(one) - startOf(other));
  return { runs, foreign };
}

function knownRun({ header, stretches, ended }: CheckedRun): KnownRun {
  const lengthMs = 1 + Math.max(-1, ...stretches.map(({ toMs }) => toMs));
  return { header, lengthMs, isEnded: ended !== undefined };
}

function startOf({ header }: KnownRun): number {
  return header.statement.startMs;
}

function nothing(
  place: string,
  { fromMs, toMs }: RunRange,
  { oldFiles, foreign }: { readonly oldFiles: number; readonly foreign: number },
): EncroCamError {
  const [from, to] = [fromMs, toMs].map((timeMs) => localTime(new Date(timeMs)));
  const what = foreign > 0 ? 'nothing that this camera recorded' : 'nothing recorded';
  return new EncroCamError('INPUT_UNREADABLE', `${printable(place)} has ${what} from ${from} to ${to}.`, {
    hint:
      oldFiles > 0
        ? 'Recordings of EncroCrypt2 are there: one key opens such a recording from end to end, so no part can be given away.'
        : 'See what there is with: encrocam list, or encrocam verify.',
  });
}
