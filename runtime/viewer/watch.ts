/** Decrypts one recording after the other into one sink, says what is missing, and judges the whole. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { type EncroCamError, isEncroCamError } from '../errors.ts';
import { type ExitCode, exitCode } from '../exit-codes.ts';
import type { KeyOpener } from '../pgp/open.ts';
import { Decoder } from './decoder.ts';
import type { Input } from './inputs.ts';
import { minuteText, type Screen } from './progress.ts';
import { pump } from './pump.ts';
import { type OpenKey, type SeekResult, seek, seekNearEnd } from './seek.ts';
import type { Sink } from './sink.ts';
import { SkipReport } from './skips.ts';
import type { Source } from './source.ts';
import type { TimeRange } from './time.ts';

export interface WatchOptions {
  readonly inputs: Iterable<Input> | AsyncIterable<Input>;
  readonly range: TimeRange;
  /** Start this far from the end of the first recording instead of at `range.fromMs`. */
  readonly liveMs?: number;
  readonly opener: KeyOpener;
  readonly sink: Sink;
  readonly screen: Screen;
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
        const decoder = await watchOne(source, options, isFirst);
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

async function watchOne(source: Source, options: WatchOptions, isFirst: boolean): Promise<Decoder> {
  const { range, opener, sink, screen } = options;
  const start = await startOf(source, options, isFirst);
  const skips = new SkipReport((line) => screen.line(`${source.name}: ${line}`));
  let badKeys = 0;
  const decoder = new Decoder({
    opener,
    range,
    offset: start.offset,
    ...(start.key ? { key: start.key } : {}),
    onSkip: (skip) => skips.add(skip),
    onBadKey: (offset, error) => {
      badKeys += 1;
      if (badKeys > maxKeyLines) return;
      skips.flush();
      screen.line(`${source.name}: key packet at byte ${offset}: ${error.message} [${error.code}]`);
      if (badKeys === 1 && error.hint) screen.line(`  ${error.hint}`);
    },
  });
  const bytesTotal = source.access && source.access.sizeBytes - start.offset;
  await pump(source.stream(start.offset), decoder, sink, {
    onProgress: (bytesRead) => screen.progress({ bytesRead, bytesTotal, timeMs: decoder.timeMs }),
  });
  skips.end();
  if (badKeys > maxKeyLines) {
    screen.line(`${source.name}: ${badKeys - maxKeyLines} more key packets could not be used`);
  }
  return decoder;
}

async function startOf(source: Source, options: WatchOptions, isFirst: boolean): Promise<SeekResult> {
  const { access } = source;
  const { fromMs } = options.range;
  const openKey: OpenKey = (message) => usableKey(options.opener, message);
  if (access && isFirst && options.liveMs !== undefined) return seekNearEnd(access, options.liveMs, openKey);
  if (access && fromMs !== undefined) return seek(access, fromMs, openKey);
  return { offset: 0, key: undefined };
}

/** The key in a message, or `undefined`: decrypting will meet that packet again, and tell of it. */
async function usableKey(opener: KeyOpener, message: Buffer): Promise<KeyObject | undefined> {
  try {
    return createSecretKey((await opener.open(message)).key);
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
