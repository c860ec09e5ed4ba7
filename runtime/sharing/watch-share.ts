/**
 * Watching with a share: its keys, its range, and the camera's word for it. Others hold the same keys and could make packets that
 * open, so what is put out is compared with the camera's checkpoints on the way.
 */
import type { CommandArguments } from '../commands.ts';
import type { Header } from '../encrocrypt/v3/index.ts';
import { EncroCamError } from '../errors.ts';
import { type ExitCode, exitCode } from '../exit-codes.ts';
import { localTime, printable } from '../log.ts';
import { decrypterFrom, trustedFrom } from '../viewer/options.ts';
import type { RunKeySource } from '../viewer/run-keys.ts';
import { cameraTrust, withUnsigned } from '../viewer/run-trust.ts';
import type { TimeRange } from '../viewer/time.ts';
import type { WatchKeys } from '../viewer/watch.ts';
import type { FileWitness, Witness, WitnessedPlace } from '../viewer/witness.ts';
import { absentParts, absentText } from './absent.ts';
import { type Capability, sharedKeys, sharedRun } from './capability.ts';
import type { RunRange } from './grant.ts';
import { judgeWatched } from './judge-watched.ts';
import { leadIn } from './lead-in.ts';
import { readShare } from './share-file.ts';
import { type WantedRun, WatchedFile, type WatchedRun } from './watched-file.ts';

export interface SharedWatch {
  readonly keys: WatchKeys;
  /** What was asked for, as far as it was shared. */
  readonly range: TimeRange;
  /** Sees what is put out. */
  readonly witness: Witness;
  /** What whoever made the share says of it. */
  introduce(write: (line: string) => void): void;
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
  const range = within(capability, asked);
  const check = new PartCheck(capability, range);
  return {
    keys: {
      opener: { open: refuseVersion2 },
      runs: shareRunKeys(capability),
      trust: args.values.unsigned === true ? withUnsigned(trust) : trust,
    },
    range,
    witness: check,
    introduce(write) {
      if (capability.note !== undefined) write(`note of whoever shared this: ${printable(capability.note)}`);
    },
    conclude: (write, watched) => check.conclude(write, watched),
  };
}

/** For runs that were not shared: nothing, which is not the same as that a key is missing. */
function shareRunKeys(capability: Capability): RunKeySource {
  return {
    async keysOf(header) {
      const { runId, segmentMs } = header.statement;
      return sharedKeys(capability, header) ?? { runId, segmentMs, nodes: [] };
    },
    partOf: (header) => sharedRun(capability, header) ?? { fromMs: 0, toMs: 0 },
  };
}

function within({ fromMs, toMs }: Capability, asked: TimeRange): RunRange {
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

class PartCheck implements Witness {
  readonly #capability: Capability;
  /** Milliseconds since the epoch. */
  readonly #range: RunRange;
  readonly #files: WatchedFile[] = [];
  /** When the shared runs that are here began, by the hash of their headers. */
  readonly #starts = new Map<string, number>();

  constructor(capability: Capability, range: RunRange) {
    this.#capability = capability;
    this.#range = range;
  }

  async begin({ name, offset, header, access }: WitnessedPlace): Promise<FileWitness | undefined> {
    const lead = offset > 0 && header && access ? await leadIn(access, { offset, header }) : undefined;
    if (offset > 0 && !lead) return undefined;
    const wantedOf = (one: Header): WantedRun | undefined => this.#wantedOf(one);
    const file = new WatchedFile(name, wantedOf, lead && header && { ...lead, header });
    this.#files.push(file);
    return file;
  }

  #wantedOf(header: Header): WantedRun | undefined {
    const shared = sharedRun(this.#capability, header);
    if (!shared) return undefined;
    const { startMs } = header.statement;
    this.#starts.set(header.hash.toString('hex'), startMs);
    const part = {
      fromMs: Math.max(shared.fromMs, this.#range.fromMs - startMs),
      toMs: Math.min(shared.toMs, this.#range.toMs - startMs),
    };
    return part.fromMs < part.toMs ? { shared, part } : undefined;
  }

  conclude(write: (line: string) => void, watched: ExitCode): ExitCode {
    let [isSound, isShown] = [true, false];
    const runs = this.#files.flatMap((file) => file.runs);
    for (const { headerHash } of this.#capability.runs) {
      const copies = runs.filter(({ header }) => header.hash.equals(headerHash));
      const verdicts = copies.map(judgeWatched);
      isSound &&= verdicts.every((verdict) => verdict.isSound);
      for (const line of verdicts.flatMap(({ lines }) => lines)) write(line);
      const put = copies.filter((copy) => copy.put > 0);
      isShown ||= put.length > 0;
      if (put.length > 1) {
        isSound = false;
        write(twiceText(put));
      }
    }
    const absent = absentParts(this.#capability, this.#starts, this.#range);
    if (!isShown) write('nothing of what was shared is here');
    if (runs.length > 0) for (const part of absent) write(absentText(part));
    if (watched !== exitCode.whole) return watched;
    return isSound && isShown && absent.length === 0 ? exitCode.whole : exitCode.incomplete;
  }
}

function twiceText(copies: readonly WatchedRun[]): string {
  return `shown more than once, since it stands in several files: ${copies.map(({ file }) => file).join(', ')}`;
}
