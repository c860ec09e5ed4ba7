/** The runs that a decoder has met in a file, and which of them a packet belongs to: packets do not say it. */
import type { KeyObject } from 'node:crypto';
import {
  type ChainPacket,
  covers,
  firstSegmentOf,
  type Header,
  importRunKey,
  type RunKeys,
  RunOpener,
  segmentOf,
  type TreeNode,
} from '../encrocrypt/v3/index.ts';
import type { Reach } from './run-trust.ts';
import type { TimeRange } from './time.ts';

/** Of a run: milliseconds since its start, the end excluded. */
export interface RunPart {
  readonly fromMs: number;
  readonly toMs: number;
}

const nothing: Reach = { packets: 0, isUnsigned: false };

export class KnownRun {
  readonly header: Header;
  /** Of the run: what checkpoints are signed with. */
  readonly key: KeyObject;
  readonly #opener: RunOpener | undefined;
  readonly #nodes: readonly TreeNode[];
  readonly reach: Reach;
  /** All that may be put out, where somebody was given a part; undefined for an owner. */
  readonly part: RunPart | undefined;
  /** The last packet that followed. */
  last: { readonly sequence: number; readonly timeMs: number } | undefined;
  /** Sequence that comes next; undefined before the first packet that was seen. */
  next: number | undefined;

  constructor(header: Header, keys: RunKeys | undefined, reach: Reach = nothing, part?: RunPart) {
    this.header = header;
    this.key = importRunKey(header.statement.runKey);
    this.#opener = keys && new RunOpener(keys);
    this.#nodes = keys?.nodes ?? [];
    this.reach = reach;
    this.part = part;
  }

  get runId(): Buffer {
    return this.header.statement.runId;
  }

  /** Milliseconds since the epoch. */
  get startMs(): number {
    return this.header.statement.startMs;
  }

  get canOpen(): boolean {
    return this.#opener !== undefined;
  }

  /** Whether a packet, if it is where it says, lies in what there are keys for: who was given a part has none for the rest. */
  isGiven(packet: ChainPacket): boolean {
    const segment = segmentOf(packet, this.header.statement.segmentMs);
    return this.#nodes.some((node) => covers(node, segment));
  }

  /** Of what there are keys for, the beginning: milliseconds since the run's start. */
  get givenFromMs(): number {
    const [first] = this.#nodes;
    return first ? firstSegmentOf(first) * this.header.statement.segmentMs : Number.POSITIVE_INFINITY;
  }

  /** Of a range, what may be put out of this run. */
  within(range: TimeRange): TimeRange {
    const { part, startMs } = this;
    if (!part) return range;
    return {
      fromMs: Math.max(range.fromMs ?? 0, startMs + part.fromMs),
      toMs: Math.min(range.toMs ?? Number.POSITIVE_INFINITY, startMs + part.toMs),
    };
  }

  open(packet: ChainPacket): Buffer | undefined {
    return this.#opener?.open(packet);
  }

  /**
   * A packet that is authentic, in its place.
   * @returns how many are missing before it; undefined if it was here before, or out of its order.
   */
  follow(sequence: number, timeMs: number): number | undefined {
    const expected = this.next ?? sequence;
    if (this.last && sequence <= this.last.sequence) return undefined;
    this.last = { sequence, timeMs };
    this.next = sequence + 1;
    return Math.max(0, sequence - expected);
  }

  /** A note, which nothing vouches for yet: it may take its place, but none away from what follows. */
  note(sequence: number): void {
    if (this.next === sequence) this.next = sequence + 1;
  }
}

/** Runs that a packet is tried with when it is not of the current one: somebody may have put a header where it does not belong. */
const maxTried = 4;
/** Refused ones count too: their checkpoints are known by them. */
const maxKnown = 16;

export class RecentRuns {
  /** The current one is the first. */
  #runs: KnownRun[] = [];

  get current(): KnownRun | undefined {
    return this.#runs[0];
  }

  get all(): readonly KnownRun[] {
    return this.#runs;
  }

  add(run: KnownRun): void {
    this.#runs = [run, ...this.#runs].slice(0, maxKnown);
  }

  /** @returns whether it was known. A copy of a header that was refused counts as another one, if its signature is another. */
  resume({ hash, cameraSignature }: Header): boolean {
    const known = this.#runs.find(
      ({ header, canOpen }) =>
        header.hash.equals(hash) && (canOpen || isSame(header.cameraSignature, cameraSignature)),
    );
    if (known) this.#makeCurrent(known);
    return known !== undefined;
  }

  /** Decrypts a packet with the current run's keys, or those of one before it. */
  open(packet: ChainPacket): { readonly run: KnownRun; readonly plaintext: Buffer } | undefined {
    let tried = 0;
    for (const run of this.#runs) {
      if (!run.canOpen) continue;
      if (tried++ === maxTried) return undefined;
      const plaintext = run.open(packet);
      if (!plaintext) continue;
      if (run !== this.current) this.#makeCurrent(run);
      return { run, plaintext };
    }
    return undefined;
  }

  #makeCurrent(run: KnownRun): void {
    this.#runs = [run, ...this.#runs.filter((other) => other !== run)];
  }
}

function isSame(one: Buffer | undefined, other: Buffer | undefined): boolean {
  return one && other ? one.equals(other) : one === other;
}
