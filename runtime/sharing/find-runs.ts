/** Which runs have something in a range, and who vouches for them. What `share` and `export` begin with. */
import type { Key } from 'openpgp';
import { EncroCamError } from '../errors.ts';
import { localTime, printable } from '../log.ts';
import { checkFile } from '../verifier/check-file.ts';
import type { CheckedRun, Voucher } from '../verifier/timeline.ts';
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
  /** For people, a line each: which runs in the range are left out, and which the camera does not vouch for. */
  readonly warnings: readonly string[];
  /** Whether a run in the range was left out. */
  readonly isLeftOut: boolean;
}

export interface FindOptions {
  /** Milliseconds since the epoch, the end excluded. */
  readonly range: RunRange;
  /** The camera's public key. */
  readonly trusted: Key;
  /** Takes runs, too, that began while the camera was locked and that it has not certified. */
  readonly withUnsigned: boolean;
}

/** Help for `--unsigned` of `share` and `export`. */
export const unsignedHelp = `  --unsigned             also what was recorded while the camera was locked and it has not certified since. It may be
                         anybody's: made by whoever can write there, to get the keys of another recording out of you.
`;

/**
 * Reads the recordings as a whole: only so it is known where a run ends, and that nothing lies between.
 *
 * Runs that nobody signed are left out: a header's commitment binds its secret to the run's id alone. Whoever copies these and what is
 * sealed into a header of his own, with a time in the range, would be given the keys of a run that lies beside it.
 * @throws {EncroCamError} `INPUT_UNREADABLE`, also if there is nothing in the range.
 */
export async function findRuns(
  place: string,
  inputs: Iterable<Input> | AsyncIterable<Input>,
  { range, trusted, withUnsigned }: FindOptions,
): Promise<FoundRuns> {
  const found = new Map<string, FoundRun>();
  const leftOut: CheckedRun[] = [];
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
        if (!part) continue;
        const isUnsigned = checked.voucher === 'locked' && !withUnsigned;
        if (checked.voucher === 'not authentic' || isUnsigned) leftOut.push(checked);
        else if (!found.has(id)) found.set(id, { ...run, part });
      }
    } finally {
      await source.close();
    }
  }
  if (found.size === 0) throw nothing(place, range, { oldFiles, leftOut });
  const runs = [...found.values()].sort((one, other) => startOf(one) - startOf(other));
  const locked = runs.filter(({ checked }) => checked.voucher === 'locked');
  return {
    runs,
    warnings: [
      ...leftOut.map(({ file, voucher }) => `! left out, since ${whyLeftOut(voucher)}: a run in ${file}`),
      ...locked.map(
        ({ checked }) => `! recorded while locked, and not certified by the camera: a run in ${checked.file}`,
      ),
    ],
    isLeftOut: leftOut.length > 0,
  };
}

function whyLeftOut(voucher: Voucher): string {
  return voucher === 'locked' ? 'nobody signed it, see --unsigned' : 'somebody else signed it';
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
  { oldFiles, leftOut }: { readonly oldFiles: number; readonly leftOut: readonly CheckedRun[] },
): EncroCamError {
  const [from, to] = [fromMs, toMs].map((timeMs) => localTime(new Date(timeMs)));
  const what = leftOut.length > 0 ? 'nothing that this camera recorded' : 'nothing recorded';
  return new EncroCamError('INPUT_UNREADABLE', `${printable(place)} has ${what} from ${from} to ${to}.`, {
    hint:
      oldFiles > 0
        ? 'Recordings of EncroCrypt2 are there: one key opens such a recording from end to end, so no part can be given away.'
        : leftOut.some(({ voucher }) => voucher === 'locked')
          ? 'Something was recorded while the camera was locked, and nobody signed it. To take it all the same: --unsigned'
          : 'See what there is with: encrocam list, or encrocam verify.',
  });
}
