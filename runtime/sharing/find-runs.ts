/** Which runs have something in a range, and who vouches for them. What `share` and `export` begin with. */
import type { Key } from 'openpgp';
import { EncroCamError } from '../errors.ts';
import { localTime, printable } from '../log.ts';
import { type CheckedFile, checkFile } from '../verifier/check-file.ts';
import type { ReadingProgress } from '../verifier/progress.ts';
import type { CheckedRun, Voucher } from '../verifier/timeline.ts';
import type { Input } from '../viewer/inputs.ts';
import type { RandomAccess } from '../viewer/source.ts';
import { type CheckedPart, checkPart, leastPartBytes, type ReadFrom } from './check-part.ts';
import type { AroundParts } from './evidence-report.ts';
import { type KnownRun, overlapOf, type RunRange } from './grant.ts';
import { type Hole, holesIn, holeText, reachesBeyond } from './holes.ts';

export interface FoundRun extends KnownRun {
  readonly input: Input;
  readonly checked: CheckedRun;
  /** Of the range that was asked for, what lies in this run. */
  readonly part: RunRange;
  /** Where to begin with it, if that was found without reading all that is before. */
  readonly readFrom: ReadFrom | undefined;
}

export interface FoundRuns {
  /** In the order of time; at least one. */
  readonly runs: readonly FoundRun[];
  readonly around: AroundParts;
}

export interface FindOptions {
  /** Milliseconds since the epoch, the end excluded. */
  readonly range: RunRange;
  /** The camera's public key. */
  readonly trusted: Key;
  /** Takes runs, too, that began while the camera was locked and that it has not certified. */
  readonly withUnsigned: boolean;
  /** Whether the inputs are all recordings of a directory. One that was named is read whatever its name says. */
  readonly isDirectory: boolean;
  readonly progress: ReadingProgress;
}

/** Help for `--unsigned` of `share` and `export`. */
export const unsignedHelp = `  --unsigned             also what was recorded while the camera was locked and it has not certified since. It may be
                         anybody's: made by whoever can write there, to get the keys of another recording out of you.
`;

/** What was read. */
interface Read {
  readonly found: Map<string, FoundRun>;
  readonly checked: CheckedRun[];
  readonly leftOut: CheckedRun[];
  oldFiles: number;
}

/**
 * Reads of the recordings what tells where their runs end, and that nothing lies between, and all that is in the range; with any doubt,
 * the recording as a whole. Where the range reaches beyond them, the one beside it is looked at as well: it tells whether there was another between.
 *
 * Runs that nobody signed are left out: a header's commitment binds its secret to the run's id alone. Whoever copies these and what is
 * sealed into a header of his own, with a time in the range, would be given the keys of a run that lies beside it.
 * @param inputs of all times, oldest first.
 * @throws {EncroCamError} `INPUT_UNREADABLE`, also if there is nothing in the range.
 */
export async function findRuns(
  place: string,
  inputs: Iterable<Input> | AsyncIterable<Input>,
  options: FindOptions,
): Promise<FoundRuns> {
  const { range } = options;
  const { within, before, behind } = await sorted(inputs, options);
  const all: Read = { found: new Map(), checked: [], leftOut: [], oldFiles: 0 };
  for (const input of within) take(await check(input, options), input, all, options);
  // Where there are no recordings of that time, there is nothing to tell about.
  const nowhere = { before: false, behind: false };
  const beyond = all.checked.length > 0 ? reachesBeyond(all.checked, range) : nowhere;
  // What stands in these says what follows what. Nothing of them is given away: by their names they are of another time.
  if (beyond.before && before) all.checked.push(...(await check(before, options)).checked.runs);
  if (beyond.behind && behind) all.checked.push(...(await check(behind, options)).checked.runs);
  const { holes, problems } = holesIn(all.checked, range);
  if (all.found.size === 0) throw nothing(place, range, all, holes);
  const runs = [...all.found.values()].sort((one, other) => startOf(one) - startOf(other));
  const isMissing = holes.some(({ state }) => state === 'missing');
  const isComplete = all.leftOut.length === 0 && !isMissing;
  return { runs, around: { holes, isComplete, warnings: warningsOf(all, problems) } };
}

/** What `share` and `export` say before anything is opened or written: whoever reads it can still stop. */
export function aroundText({ holes, warnings }: AroundParts): string[] {
  return [...holes.map((hole: Hole) => `! no video from ${holeText(hole)}`), ...warnings];
}

interface Sorted {
  readonly within: readonly Input[];
  /** The nearest that ends before the range begins. */
  readonly before: Input | undefined;
  /** The nearest that begins when the range is over. */
  readonly behind: Input | undefined;
}

async function sorted(
  inputs: Iterable<Input> | AsyncIterable<Input>,
  { range: { fromMs, toMs }, isDirectory }: FindOptions,
): Promise<Sorted> {
  const within: Input[] = [];
  let [before, behind]: (Input | undefined)[] = [];
  for await (const input of inputs) {
    const { recording } = input;
    if (!isDirectory || !recording) within.push(input);
    else if (recording.startMs + recording.lengthMs <= fromMs) before = input;
    else if (recording.startMs >= toMs) behind ??= input;
    else within.push(input);
  }
  return { within, before, behind };
}

type Checked = Pick<CheckedPart, 'readFrom'> & { readonly checked: CheckedFile };

async function check(input: Input, { range, trusted, progress }: FindOptions): Promise<Checked> {
  const source = await input.open();
  const { name, access } = source;
  try {
    const isLarge = access !== undefined && access.sizeBytes >= leastPartBytes;
    const part = isLarge ? await checkPart(name, told(access, input, progress), range, trusted) : undefined;
    if (part) return part;
    return { checked: await checkFile(name, progress.read(source, input), trusted), readFrom: new Map() };
  } finally {
    await source.close();
  }
}

/** What is read at places is shown, too. */
function told(access: RandomAccess, { recording }: Input, progress: ReadingProgress): RandomAccess {
  return {
    ...{ sizeBytes: access.sizeBytes, probeBytes: access.probeBytes },
    async read(offset, length) {
      const bytes = await access.read(offset, length);
      progress.add(bytes.length, recording?.startMs);
      return bytes;
    },
  };
}

function take(
  { checked: { version, runs }, readFrom }: Checked,
  input: Input,
  all: Read,
  { range, withUnsigned }: FindOptions,
): void {
  if (version === 2) all.oldFiles += 1;
  for (const checked of runs) {
    all.checked.push(checked);
    const run = { ...knownRun(checked), checked, input };
    const part = overlapOf(run, range);
    const id = checked.header.hash.toString('hex');
    if (!part) continue;
    const isUnsigned = checked.voucher === 'locked' && !withUnsigned;
    if (checked.voucher === 'not authentic' || isUnsigned) all.leftOut.push(checked);
    else if (!all.found.has(id)) all.found.set(id, { ...run, part, readFrom: readFrom.get(id) });
  }
}

/** In a file of the camera's, somebody put it there: a reader takes what follows for that one's, up to the next header. */
function foreignFiles({ checked }: Read): string[] {
  const own = new Set(checked.filter(({ voucher }) => voucher !== 'not authentic').map(({ file }) => file));
  const foreign = checked.filter(({ voucher }) => voucher === 'not authentic').map(({ file }) => file);
  return [...new Set(foreign)].filter((file) => own.has(file));
}

function foreignText(file: string): string {
  return `a header that this camera did not sign stands in ${file}: somebody put it there, see encrocam verify`;
}

function warningsOf(all: Read, problems: readonly string[]): string[] {
  const { found, leftOut } = all;
  const locked = [...found.values()].filter(({ checked }) => checked.voucher === 'locked');
  return [
    ...foreignFiles(all).map((file) => `! ${foreignText(file)}`),
    ...leftOut.map(({ file, voucher }) => `! left out, since ${whyLeftOut(voucher)}: a run in ${file}`),
    ...locked.map(
      ({ checked }) => `! recorded while locked, and not certified by the camera: a run in ${checked.file}`,
    ),
    ...problems.map((problem) => `! ${problem}`),
  ].map(printable);
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
  all: Read,
  holes: readonly Hole[],
): EncroCamError {
  const { oldFiles, leftOut } = all;
  const [from, to] = [fromMs, toMs].map((timeMs) => localTime(new Date(timeMs)));
  const missing = holes.filter(({ state }) => state === 'missing').map(holeText);
  const foreign = foreignFiles(all);
  if (leftOut.length === 0 && missing.length + foreign.length > 0) {
    const what = [...missing, ...foreign.map(foreignText)].map(printable).join('; ');
    return new EncroCamError(
      'INPUT_UNREADABLE',
      `${printable(place)} has nothing that this camera vouches for from ${from} to ${to}: ${what}.`,
      { hint: 'What can still be opened is shown, with your key, by: encrocam decrypt, or encrocam play.' },
    );
  }
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
