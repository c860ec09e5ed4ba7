/**
 * What was put out of one file, and what the camera's checkpoints say of the very bytes that it came from. Others hold the keys of a
 * share and can make packets that open: each packet that is put out must be one that a checkpoint of its run vouches for.
 */
import {
  covers,
  type EndReason,
  FileVerifier,
  type Header,
  type Stretch,
  segmentOf,
  type VouchedPacket,
} from '../encrocrypt/v3/index.ts';
import type { KnownRun } from '../viewer/known-runs.ts';
import type { FileWitness } from '../viewer/witness.ts';
import type { SharedRun } from './capability.ts';
import type { RunRange } from './grant.ts';
import type { LeadIn } from './lead-in.ts';

/** What is wanted of a run. */
export interface WantedRun {
  readonly shared: SharedRun;
  /** Of it, what was asked for. */
  readonly part: RunRange;
}

/** A run of which something was wanted, as one file has it. Times are milliseconds since the run's start. */
export interface WatchedRun extends WantedRun {
  readonly file: string;
  readonly header: Header;
  readonly stretches: readonly Stretch[];
  readonly ended: EndReason | undefined;
  /** How often it begins in the file: more than once where another run's header stands in it. */
  readonly beginnings: number;
  /** Packets of the part that a checkpoint vouches for and the share's keys open; and of these, those that were put out. */
  readonly vouched: number;
  readonly vouchedPut: number;
  /** All that were put out, those before the part included, and the first one's time. */
  readonly put: number;
  readonly putFromMs: number;
  /** Times of those that no checkpoint vouches for. */
  readonly unvouchedMs: readonly number[];
}

interface Taken {
  readonly timeMs: number;
  isPut: boolean;
  isVouched: boolean;
}

interface Tally {
  readonly header: Header;
  readonly wanted: WantedRun;
  readonly stretches: Stretch[];
  /** Decrypted, by their places in the file, until a checkpoint vouches for them. */
  readonly waiting: Map<number, Taken>;
  ended: EndReason | undefined;
  beginnings: number;
  vouched: number;
  vouchedPut: number;
  put: number;
  putFromMs: number;
}

export class WatchedFile implements FileWitness {
  readonly #name: string;
  readonly #verifier: FileVerifier;
  readonly #wantedOf: (header: Header) => WantedRun | undefined;
  /** By the hash of their headers. */
  readonly #runs = new Map<string, Tally>();

  /**
   * @param wantedOf `undefined` for a run of which nothing is.
   * @param begin where the bytes begin, if not with the file.
   */
  constructor(
    name: string,
    wantedOf: (header: Header) => WantedRun | undefined,
    begin?: LeadIn & { readonly header: Header },
  ) {
    this.#name = name;
    this.#wantedOf = wantedOf;
    this.#verifier = new FileVerifier(
      {
        onRun: (header) => {
          const run = this.#tally(header);
          if (run) run.beginnings += 1;
        },
        onStretch: (header, stretch) => this.#tally(header)?.stretches.push(stretch),
        onRunEnd: ({ header, final }) => {
          const run = this.#tally(header);
          if (run) run.ended ??= final?.reason;
        },
        onVouched: (header, packets) => this.#vouch(header, packets),
        onSkip: () => undefined,
      },
      begin,
    );
    if (begin) this.#verifier.push(begin.bytes);
  }

  push(chunk: Uint8Array): void {
    this.#verifier.push(chunk);
  }

  take({ header }: KnownRun, { offset, timeMs }: VouchedPacket): () => void {
    const run = this.#tally(header);
    if (!run) {
      return () => {
        throw new TypeError('a packet is put out of a run of which nothing is wanted');
      };
    }
    const taken: Taken = { timeMs, isPut: false, isVouched: false };
    run.waiting.set(offset, taken);
    return () => {
      taken.isPut = true;
      run.put += 1;
      run.putFromMs = Math.min(run.putFromMs, timeMs);
      if (taken.isVouched) countPut(run, timeMs);
    };
  }

  end(): void {
    this.#verifier.end();
  }

  /** Once it has ended. */
  get runs(): WatchedRun[] {
    return [...this.#runs.values()].map(({ wanted, waiting, ...run }) => ({
      ...{ file: this.#name, ...wanted, ...run },
      unvouchedMs: [...waiting.values()].filter(({ isPut }) => isPut).map(({ timeMs }) => timeMs),
    }));
  }

  #vouch(header: Header, packets: readonly VouchedPacket[]): void {
    const run = this.#tally(header);
    if (!run) return;
    for (const packet of packets) {
      if (packet.kind === 'data' && isWanted(run, packet.timeMs) && isGiven(run, packet)) run.vouched += 1;
      const taken = run.waiting.get(packet.offset);
      if (!taken) continue;
      run.waiting.delete(packet.offset);
      taken.isVouched = true;
      if (taken.isPut) countPut(run, packet.timeMs);
    }
  }

  #tally(header: Header): Tally | undefined {
    const id = header.hash.toString('hex');
    const known = this.#runs.get(id);
    if (known) return known;
    const wanted = this.#wantedOf(header);
    if (!wanted) return undefined;
    const run: Tally = {
      ...{ header, wanted, stretches: [], waiting: new Map(), ended: undefined, beginnings: 0 },
      ...{ vouched: 0, vouchedPut: 0, put: 0, putFromMs: Number.POSITIVE_INFINITY },
    };
    this.#runs.set(id, run);
    return run;
  }
}

function countPut(run: Tally, timeMs: number): void {
  if (isWanted(run, timeMs)) run.vouchedPut += 1;
}

function isWanted({ wanted: { part } }: Tally, timeMs: number): boolean {
  return timeMs >= part.fromMs && timeMs < part.toMs;
}

/** Not the end of a group of pictures that began in the segment before the part: nobody has its key. */
function isGiven({ wanted: { shared } }: Tally, packet: VouchedPacket): boolean {
  const segment = segmentOf(packet, shared.segmentMs);
  return shared.nodes.some((node) => covers(node, segment));
}
