/**
 * Watching with a share: its keys, its range, and the camera's word for it. Others hold the same keys and could make packets that
 * open, so what is put out is checked against the camera's checkpoints on the way.
 */
import type { Key } from 'openpgp';
import type { CommandArguments } from '../commands.ts';
import { EncroCamError } from '../errors.ts';
import { type ExitCode, exitCode } from '../exit-codes.ts';
import { localTime } from '../log.ts';
import { checkFile } from '../verifier/check-file.ts';
import type { CheckedRun } from '../verifier/timeline.ts';
import type { Input } from '../viewer/inputs.ts';
import { decrypterFrom, trustedFrom } from '../viewer/options.ts';
import type { RunKeySource } from '../viewer/run-keys.ts';
import { cameraTrust, withUnsigned } from '../viewer/run-trust.ts';
import type { Source } from '../viewer/source.ts';
import type { TimeRange } from '../viewer/time.ts';
import type { WatchKeys } from '../viewer/watch.ts';
import { absentParts, absentText } from './absent.ts';
import { type Capability, type SharedRun, sharedKeys } from './capability.ts';
import { judgePart, type PartVerdict } from './judge-part.ts';
import { leadIn } from './lead-in.ts';
import { readShare } from './share-file.ts';

export interface SharedWatch {
  readonly keys: WatchKeys;
  /** What was asked for, as far as it was shared. */
  readonly range: TimeRange;
  /** The same inputs, looked at while they are read. */
  through(inputs: Iterable<Input> | AsyncIterable<Input>): AsyncIterable<Input>;
  /**
   * What the camera vouches for, once all inputs were read.
   * @param watched how watching ended.
   */
  conclude(write: (line: string) => void, watched: ExitCode): ExitCode;
}

/**
 * @param share a file or a link.
 * @param asked `--from` and `--to`.
 * @throws {EncroCamError} as `readShare`; `USAGE` for a range outside of what was shared.
 */
export async function watchShare(
  share: string,
  args: CommandArguments,
  asked: TimeRange,
): Promise<SharedWatch> {
  const trusted = await trustedFrom(args);
  const decrypter = () => decrypterFrom(args);
  const capability = await readShare(share, { decrypter, trusted, nowMs: Date.now() });
  const trust = cameraTrust(trusted);
  const check = new PartCheck(capability, trusted);
  return {
    keys: {
      opener: { open: refuseVersion2 },
      runs: shareRunKeys(capability),
      trust: args.values.unsigned === true ? withUnsigned(trust) : trust,
    },
    range: within(capability, asked),
    through: (inputs) => check.through(inputs),
    conclude: (write, watched) => check.conclude(write, watched, within(capability, asked)),
  };
}

/** For runs that were not shared: nothing, which is not the same as that a key is missing. */
function shareRunKeys(capability: Capability): RunKeySource {
  return {
    async keysOf(header) {
      const { runId, segmentMs } = header.statement;
      return sharedKeys(capability, header) ?? { runId, segmentMs, nodes: [] };
    },
  };
}

function within({ fromMs, toMs }: Capability, asked: TimeRange): { fromMs: number; toMs: number } {
  const range = {
    fromMs: Math.max(fromMs, asked.fromMs ?? fromMs),
    toMs: Math.min(toMs, asked.toMs ?? toMs),
  };
  if (range.fromMs < range.toMs) return range;
  const [from, to] = [fromMs, toMs].map((timeMs) => localTime(new Date(timeMs)));
  throw new EncroCamError('USAGE', 'Nothing of that time was shared.', {
    hint: `This share is of ${from} to ${to}.`,
  });
}

async function refuseVersion2(): Promise<never> {
  throw new EncroCamError('DECRYPTION_FAILED', 'A share opens no recordings of EncroCrypt2.', {
    hint: 'Name the recordings that were shared.',
  });
}

class PartCheck {
  readonly #capability: Capability;
  readonly #trusted: Key;
  readonly #checks: Promise<readonly CheckedRun[]>[] = [];
  readonly #checked: CheckedRun[] = [];

  constructor(capability: Capability, trusted: Key) {
    this.#capability = capability;
    this.#trusted = trusted;
  }

  async *through(inputs: Iterable<Input> | AsyncIterable<Input>): AsyncGenerator<Input> {
    for await (const input of inputs) {
      let isUnchecked = false;
      const skipped = (): void => {
        isUnchecked = true;
      };
      yield { ...input, open: async () => this.#watched(await input.open(), skipped) };
      if (isUnchecked) await this.#checkWhole(input);
      for (const check of this.#checks.splice(0)) this.#checked.push(...(await check));
    }
  }

  /** @param skipped called if it cannot be checked from where it is read: then it is read once more. */
  #watched(source: Source, skipped: () => void): Source {
    const begin = (chunks: AsyncIterable<Uint8Array>): void => this.#begin(source.name, chunks);
    const stream = async function* (offset: number): AsyncGenerator<Uint8Array> {
      const lead = offset > 0 && source.access ? await leadIn(source.access, offset) : undefined;
      if (offset > 0 && !lead) {
        skipped();
        yield* source.stream(offset);
        return;
      }
      const copy = new Tee();
      begin(copy.read(lead));
      yield* copy.through(source.stream(offset));
    };
    return { ...source, stream };
  }

  async #checkWhole(input: Input): Promise<void> {
    const source = await input.open();
    try {
      this.#begin(source.name, source.stream(0));
      await Promise.allSettled(this.#checks);
    } finally {
      await source.close();
    }
  }

  #begin(name: string, chunks: AsyncIterable<Uint8Array>): void {
    const check = checkFile(name, chunks, this.#trusted).then(({ runs }) => runs);
    // It is awaited when the input is through; a failure must not count as unhandled until then.
    check.catch(() => undefined);
    this.#checks.push(check);
  }

  conclude(
    write: (line: string) => void,
    watched: ExitCode,
    range: { readonly fromMs: number; readonly toMs: number },
  ): ExitCode {
    let [found, isSound] = [0, true];
    for (const shared of this.#capability.runs) {
      const runs = this.#checked.filter(({ header }) => header.hash.equals(shared.headerHash));
      const verdicts = runs.flatMap((run) => judged(run, shared, range));
      const verdict = verdicts.find((candidate) => candidate.isSound) ?? verdicts[0];
      if (!verdict) continue;
      found += 1;
      isSound &&= verdict.isSound;
      for (const line of verdict.lines) write(line);
    }
    const starts = this.#checked.map(
      ({ header: { hash, statement } }) => [hash.toString('hex'), statement.startMs] as const,
    );
    const absent = absentParts(this.#capability, new Map(starts), range);
    if (found === 0) write('nothing of what was shared is here');
    else for (const part of absent) write(absentText(part));
    if (watched !== exitCode.whole) return watched;
    return isSound && found > 0 && absent.length === 0 ? exitCode.whole : exitCode.incomplete;
  }
}

/** What can be said of the wanted part of a run: nothing if none of it is wanted. */
function judged(
  run: CheckedRun,
  shared: SharedRun,
  range: { readonly fromMs: number; readonly toMs: number },
): { readonly isSound: boolean; readonly lines: readonly string[] }[] {
  const { startMs } = run.header.statement;
  const part = {
    fromMs: Math.max(shared.fromMs, range.fromMs - startMs),
    toMs: Math.min(shared.toMs, range.toMs - startMs),
  };
  if (part.toMs <= part.fromMs) return [];
  const verdict: PartVerdict = judgePart(run, part);
  const clock = (timeMs: number): string => localTime(new Date(startMs + timeMs));
  if (verdict.isSound) {
    const [from, to] = [clock(part.fromMs), clock(verdict.toMs)];
    return [{ isSound: true, lines: [`as the camera recorded it: ${from} to ${to}`] }];
  }
  const hurt = verdict.stretches.filter((stretch) => stretch.verdict !== 'intact');
  const lines = hurt.map(
    (stretch) => `${stretch.verdict}: ${clock(stretch.fromMs)} to ${clock(stretch.toMs)}`,
  );
  const unvouched = `not vouched for by the camera: ${clock(part.fromMs)} to ${clock(part.toMs)}, or some of it`;
  return [{ isSound: false, lines: lines.length > 0 ? lines : [unvouched] }];
}

/** Gives each chunk to a second reader, and goes on when that one is done with it: its memory is used again. */
class Tee {
  #chunk: Uint8Array | undefined;
  #isEnded = false;
  /** The second reader wants no more. */
  #isClosed = false;
  #wake: () => void = () => undefined;
  #done: () => void = () => undefined;

  async *through(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of chunks) {
        if (!this.#isClosed) {
          const taken = new Promise<void>((resolve) => {
            this.#done = resolve;
          });
          this.#chunk = chunk;
          this.#wake();
          await taken;
        }
        yield chunk;
      }
    } finally {
      this.#isEnded = true;
      this.#wake();
    }
  }

  /** @param lead comes before the first chunk. */
  async *read(lead?: Uint8Array): AsyncGenerator<Uint8Array> {
    try {
      if (lead) yield lead;
      for (;;) {
        while (!this.#chunk && !this.#isEnded) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
        const chunk = this.#chunk;
        if (!chunk) return;
        yield chunk;
        this.#chunk = undefined;
        this.#done();
      }
    } finally {
      this.#isClosed = true;
      this.#done();
    }
  }
}
