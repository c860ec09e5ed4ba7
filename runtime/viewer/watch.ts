/** Decrypts one recording after the other into one sink, says what is missing, and judges the whole. */
import { createSecretKey } from 'node:crypto';
import type { Header } from '../encrocrypt/v3/index.ts';
import { type EncroCamError, isEncroCamError } from '../errors.ts';
import { type ExitCode, exitCode } from '../exit-codes.ts';
import type { KeyOpener } from '../pgp/open.ts';
import type { RecordingName } from '../recordings/names.ts';
import { Decoder } from './decoder.ts';
import type { Input } from './inputs.ts';
import { VideoJoiner } from './joiner.ts';
import { KnownRun } from './known-runs.ts';
import { minuteText, type Screen, secondText } from './progress.ts';
import { pump } from './pump.ts';
import { RecordingDecoder } from './recording-decoder.ts';
import { RememberedReads } from './remembered-reads.ts';
import { type MissingTime, RunDecoder } from './run-decoder.ts';
import type { RunKeySource } from './run-keys.ts';
import type { Misplaced } from './run-order.ts';
import { firstWindowBytes, seekRun, seekRunNearEnd } from './run-seek.ts';
import type { RunTrust } from './run-trust.ts';
import { type OpenKey, type SeekResult, seek, seekNearEnd } from './seek.ts';
import type { Sink } from './sink.ts';
import { SkipReport } from './skips.ts';
import type { RandomAccess, Source } from './source.ts';
import type { TimeRange } from './time.ts';
import { maxVersionBytes, type Version, versionOf } from './version.ts';
import type { VideoDecoder } from './video-decoder.ts';
import type { FileWitness, Witness } from './witness.ts';

/** What opens recordings, and says whose they are. */
export interface WatchKeys {
  /** Key packets of EncroCrypt2. */
  readonly opener: KeyOpener;
  /** Runs of EncroCrypt3. */
  readonly runs: RunKeySource;
  readonly trust: RunTrust;
}

export interface WatchOptions {
  readonly inputs: Iterable<Input> | AsyncIterable<Input>;
  readonly range: TimeRange;
  /** Start this far from the end of the first recording instead of at `range.fromMs`. */
  readonly liveMs?: number;
  readonly keys: WatchKeys;
  readonly sink: Sink;
  readonly screen: Screen;
  readonly witness?: Witness;
}

/** Key packets told of one by one; the rest is summed up. */
const maxKeyLines = 10;

/**
 * @returns the exit code.
 * @throws {EncroCamError} what makes it impossible to go on, and `DECRYPTION_FAILED` if everything is for others.
 */
export async function watch(options: WatchOptions): Promise<ExitCode> {
  const { inputs, screen } = options;
  let damaged = false;
  let notAuthentic = false;
  let wrongRecipient: EncroCamError | undefined;
  let usable = 0;
  let before: Input | undefined;
  const joiner = new VideoJoiner();
  try {
    for await (const input of inputs) {
      const isFirst = before === undefined;
      const gap = gapBefore(before, input);
      before = input;
      if (gap) {
        damaged = true;
        screen.line(`no recording from ${minuteText(gap.fromMs)} to ${minuteText(gap.toMs)}`);
      }
      const source = await input.open();
      try {
        const decoder = await watchOne(source, options, joiner, { isFirst, recording: input.recording });
        damaged ||= decoder.damaged;
        notAuthentic ||= decoder.notAuthentic;
        wrongRecipient ??= decoder.wrongRecipient;
        if (!decoder.wrongRecipient) usable += 1;
      } finally {
        await source.close();
      }
    }
  } finally {
    screen.end();
  }
  if (notAuthentic) return exitCode.notAuthentic;
  if (wrongRecipient && usable === 0) throw wrongRecipient;
  return damaged ? exitCode.incomplete : exitCode.whole;
}

async function watchOne(
  source: Source,
  options: WatchOptions,
  joiner: VideoJoiner,
  place: Place,
): Promise<VideoDecoder> {
  const { range, keys, sink, screen } = options;
  const openRun = runsOf(source, options);
  const { start, witness } = await begin(source, options, await startOf(source, options, place, openRun));
  const skips = new SkipReport((line) => screen.line(`${source.name}: ${line}`));
  let badKeys = 0;
  const onBadKey = (what: string) => (offset: number, error: EncroCamError) => {
    badKeys += 1;
    if (badKeys > maxKeyLines) return;
    skips.flush();
    screen.line(`${source.name}: ${what} at byte ${offset}: ${error.message} [${error.code}]`);
    if (badKeys === 1 && error.hint) screen.line(`  ${error.hint}`);
  };
  const { offset } = start;
  const decoder = new RecordingDecoder({
    joiner,
    version: start.version,
    second: () =>
      new Decoder({
        ...{ opener: keys.opener, range, offset },
        ...(start.key ? { key: start.key } : {}),
        onSkip: (skip) => skips.add(skip),
        onBadKey: onBadKey('key packet'),
      }),
    third: () =>
      new RunDecoder({
        ...{ range, joiner, offset },
        ...(start.header ? { header: start.header } : {}),
        openRun,
        onSkip: (skip) => skips.add(skip),
        onMissing(missing) {
          skips.flush();
          screen.line(`${source.name}: ${missingText(missing)}`);
        },
        onMisplaced(misplaced) {
          skips.flush();
          screen.line(`${source.name}: ${misplacedText(misplaced)}`);
        },
        onBadHeader: onBadKey('header'),
        ...(witness ? { witness } : {}),
      }),
  });
  const bytesTotal = source.access && source.access.sizeBytes - offset;
  await pump(witnessed(streamOf(source, start), witness), decoder, sink, {
    onProgress: (bytesRead) => screen.progress({ bytesRead, bytesTotal, timeMs: decoder.timeMs }),
  });
  witness?.end();
  skips.end();
  if (badKeys > maxKeyLines) {
    screen.line(`${source.name}: ${badKeys - maxKeyLines} more keys could not be used`);
  }
  return decoder;
}

async function begin(
  { name }: Source,
  { witness }: WatchOptions,
  start: Start,
): Promise<{ readonly start: Start; readonly witness: FileWitness | undefined }> {
  if (!witness) return { start, witness: undefined };
  const at = async (one: Start): Promise<FileWitness | undefined> =>
    witness.begin({ name, offset: one.offset, header: one.header, access: one.access });
  const here = await at(start);
  if (here) return { start, witness: here };
  const whole: Start = { offset: 0, key: undefined };
  return { start: whole, witness: await at(whole) };
}

/** Each piece goes to the witness once the decoder is done with it. */
async function* witnessed(
  chunks: AsyncIterable<Uint8Array>,
  witness: FileWitness | undefined,
): AsyncGenerator<Uint8Array> {
  let given: Uint8Array | undefined;
  try {
    for await (const chunk of chunks) {
      given = chunk;
      yield chunk;
      given = undefined;
      witness?.push(chunk);
    }
  } finally {
    // The decoder wants no more.
    if (given) witness?.push(given);
  }
}

/** What was read while the place was sought comes first, without being asked for once more. */
async function* streamOf(source: Source, { offset, known }: Start): AsyncGenerator<Uint8Array> {
  if (known && known.length > 0) yield known;
  yield* source.stream(offset + (known?.length ?? 0));
}

/** Opens the runs of a file, each once: finding the certificate of one may mean to read all of it. */
function runsOf(source: Source, { keys, screen }: WatchOptions): (header: Header) => Promise<KnownRun> {
  const opened = new Map<string, KnownRun>();
  return async (header) => {
    const id = header.hash.toString('base64');
    const known = opened.get(id);
    if (known) return known;
    const reach = await keys.trust.reachOf(header, source.access);
    const run = new KnownRun(header, await keys.runs.keysOf(header), reach, keys.runs.partOf?.(header));
    opened.set(id, run);
    if (reach.isUnsigned) {
      const since = secondText(header.statement.startMs);
      screen.line(`${source.name}: not authentic, and shown all the same: what it says is of ${since}`);
    }
    return run;
  };
}

interface Start extends SeekResult {
  readonly version?: Version;
  readonly header?: Header;
  /** The bytes at `offset`, whole packets, as far as they were read already. */
  readonly known?: Buffer;
  /** What it was sought with. */
  readonly access?: RememberedReads;
}

/** Which of the recordings it is. */
interface Place {
  readonly isFirst: boolean;
  readonly recording: RecordingName | undefined;
}

async function startOf(
  source: Source,
  options: WatchOptions,
  { isFirst, recording }: Place,
  openRun: (header: Header) => Promise<KnownRun>,
): Promise<Start> {
  const { fromMs } = options.range;
  const liveMs = isFirst ? options.liveMs : undefined;
  if (!source.access || (fromMs === undefined && liveMs === undefined)) return { offset: 0, key: undefined };
  const access = new RememberedReads(source.access);
  const version = await versionIn(access);
  if (version === undefined) return { offset: 0, key: undefined };
  if (version === 3) {
    const open = async (header: Header): Promise<KnownRun | undefined> => usable(() => openRun(header));
    const endMs = recording && Math.min(recording.startMs + recording.lengthMs, Date.now());
    const place =
      liveMs === undefined
        ? await seekRun(access, fromMs ?? 0, { open, endMs })
        : await seekRunNearEnd(access, liveMs, { open, endMs });
    return {
      offset: place.offset,
      key: undefined,
      version,
      known: access.packetsFrom(place.offset),
      access,
      ...(place.header ? { header: place.header } : {}),
    };
  }
  const openKey: OpenKey = (message) =>
    usable(async () => createSecretKey((await options.keys.opener.open(message)).key));
  if (liveMs !== undefined) return { ...(await seekNearEnd(access, liveMs, openKey)), version };
  return { ...(await seek(access, fromMs ?? 0, openKey)), version };
}

async function versionIn(access: RandomAccess): Promise<Version | undefined> {
  const begin = versionOf(await access.read(0, firstWindowBytes), false);
  return begin ?? versionOf(await access.read(0, maxVersionBytes), access.sizeBytes > 0);
}

function missingText({ fromMs, toMs, packets }: MissingTime): string {
  return `${packets} packet${packets === 1 ? '' : 's'} missing between ${secondText(fromMs)} and ${secondText(toMs)}`;
}

function misplacedText({ how, startMs, behindMs }: Misplaced): string {
  const [run, behind] = [secondText(startMs), secondText(behindMs)];
  return how === 'late'
    ? `what was recorded from ${run} stands behind what followed it, from ${behind}: shown in the order of the file`
    : `what was recorded from ${run} goes on behind something else, from ${behind}: shown in the order of the file`;
}

/** What opens, or `undefined`: decrypting will meet the same packet again, and tell of it. */
async function usable<T>(open: () => Promise<T>): Promise<T | undefined> {
  try {
    return await open();
  } catch (error) {
    if (isEncroCamError(error, 'NOT_AUTHENTIC', 'DECRYPTION_FAILED')) return undefined;
    throw error;
  }
}

/** The time between the slots of two recordings that follow each other in a directory. */
function gapBefore(before: Input | undefined, after: Input): { fromMs: number; toMs: number } | undefined {
  if (!before?.recording || !after.recording) return undefined;
  const fromMs = before.recording.startMs + before.recording.lengthMs;
  return fromMs < after.recording.startMs ? { fromMs, toMs: after.recording.startMs } : undefined;
}
