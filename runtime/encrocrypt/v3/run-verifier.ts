/**
 * Checks one run with nothing but what its header says: which milliseconds of it are as the camera recorded them, and
 * which are not. Memory does not grow with the run: what a checkpoint has settled is forgotten.
 */
import type { KeyObject } from 'node:crypto';
import { type Checkpoint, decodeCheckpoint, decodeFinal, type Final } from './chain.ts';
import { linkOf, maxPacketsPerCheckpoint } from './format.ts';
import type { Header } from './header.ts';
import { leafHash, MerkleRoot } from './merkle.ts';
import { type ChainPacket, noteContent } from './reader.ts';
import { importRunKey } from './run-key.ts';

/**
 * `intact`: as recorded. `missing`: nothing of it is there. `tampered`: something is, and it is not what was recorded, or not all of
 * it, or not in its order. `unfinished`: no checkpoint vouches for it, as after a power cut.
 */
export type Verdict = 'intact' | 'missing' | 'tampered' | 'unfinished';

export interface Stretch {
  readonly verdict: Verdict;
  /** Milliseconds since the run's start. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Packets that are there, and that should be. */
  readonly found: number;
  readonly expected: number;
}

/** A packet as it stands in the file, once a checkpoint vouches for it. */
export type VouchedPacket = Pick<ChainPacket, 'kind' | 'offset' | 'sequence' | 'timeMs' | 'parity'>;

interface Pending extends VouchedPacket {
  readonly leaf: Buffer;
  readonly note: Buffer | undefined;
}

/** Something that the camera said to everybody, and a checkpoint vouches for. */
export interface VouchedNote {
  readonly timeMs: number;
  /** JSON. */
  readonly content: Buffer;
}

/** Notes between two checkpoints that are kept; each has up to 4 KiB, and anybody can add some. */
const maxNotes = 1000;

/** How far what a certificate may name reaches in its run, from the run's start. */
export interface LinkReach {
  /** Milliseconds. */
  readonly toMs: number;
  readonly packets: number;
}

export class RunVerifier {
  readonly #runId: Buffer;
  readonly #key: KeyObject;
  readonly #onStretch: (stretch: Stretch) => void;
  readonly #onNote: (note: VouchedNote) => void;
  #notes = 0;
  #open: Stretch | undefined;
  #pending: Pending[] = [];
  #link: Buffer;
  #number = 0;
  /** Sequence up to which checkpoints have spoken, and time. */
  #settled = 0;
  #settledMs = 0;
  #final: Final | undefined;
  /** Somebody signed another past with this run's key: nothing can be said of what comes then. */
  #isForked = false;
  readonly #onLink: (link: Buffer, reach: LinkReach) => void;
  readonly #onVouched: (packets: readonly VouchedPacket[]) => void;

  /**
   * @param onStretch called in the order of time; neighbours of one verdict come as one.
   * @param onLink what a certificate may name.
   * @param onVouched the packets of a checkpoint that fits, each time.
   */
  constructor(
    header: Header,
    onStretch: (stretch: Stretch) => void,
    onNote: (note: VouchedNote) => void = () => undefined,
    onLink: (link: Buffer, reach: LinkReach) => void = () => undefined,
    onVouched: (packets: readonly VouchedPacket[]) => void = () => undefined,
  ) {
    this.#onVouched = onVouched;
    this.#onNote = onNote;
    this.#runId = header.statement.runId;
    this.#key = importRunKey(header.statement.runKey);
    this.#link = header.hash;
    this.#onStretch = onStretch;
    this.#onLink = onLink;
    onLink(header.hash, { toMs: 0, packets: 0 });
  }

  /** How it ended, if it did. */
  get final(): Final | undefined {
    return this.#final;
  }

  /** Of the last checkpoint or final: what the next run's header should name. */
  get link(): Buffer {
    return this.#link;
  }

  /** A packet of the chain, in the order of the file. */
  take(packet: ChainPacket): void {
    const { kind, offset, sequence, timeMs, parity, bytes } = packet;
    // More than a checkpoint can cover: the oldest can only have been added.
    if (this.#pending.length > 2 * maxPacketsPerCheckpoint)
      this.#tell('tampered', timeMs, this.#pending.splice(0), 0);
    const isKept = packet.kind === 'note' && ++this.#notes <= maxNotes;
    const note = isKept ? Buffer.from(noteContent(packet)) : undefined;
    this.#pending.push({ kind, offset, sequence, timeMs, parity, leaf: leafHash(bytes), note });
  }

  /** @returns whether it is one of this run's. */
  checkpoint(body: Buffer): boolean {
    const checkpoint = decodeCheckpoint(body, this.#runId, this.#key);
    if (!checkpoint) return false;
    const { number, first, count, toMs } = checkpoint;
    if (number < this.#number || this.#final) {
      // It stands here again, or out of its order.
      this.#tell('tampered', Math.max(this.#settledMs, toMs), [], 0);
      return true;
    }
    this.#settleUpTo(checkpoint);
    const inside = this.#takeOut(({ sequence }) => sequence < first + count);
    const isWhole = this.#matches(inside, checkpoint);
    const verdict = isWhole ? this.#intact : inside.length === 0 ? 'missing' : 'tampered';
    this.#tell(verdict, toMs, inside, count);
    this.#notes = 0;
    for (const { timeMs, note } of verdict === 'intact' ? inside : [])
      if (note) this.#onNote({ timeMs, content: note });
    if (verdict === 'intact') this.#onVouched(inside);
    this.#number = number + 1;
    this.#settled = first + count;
    this.#linkTo(body, this.#settled);
    return true;
  }

  /** @returns whether it is this run's. */
  finish(body: Buffer): boolean {
    const final = decodeFinal(body, this.#runId, this.#key);
    if (!final) return false;
    const isNext = final.number === this.#number && final.previous.equals(this.#link);
    this.#isForked ||= final.number === this.#number && !isNext;
    const lacking = final.count - this.#settled;
    if (this.#final || !isNext || lacking !== 0 || this.#pending.length > 0) {
      const added = this.#pending.splice(0);
      const isAddition = this.#final !== undefined || this.#isForked || added.length > 0 || lacking < 0;
      this.#tell(isAddition ? 'tampered' : 'missing', final.timeMs, added, Math.max(0, lacking));
    }
    this.#final ??= final;
    this.#linkTo(body, final.count);
    return true;
  }

  /** No more of this run will come. */
  end(): void {
    const rest = this.#pending.splice(0);
    const lastMs = Math.max(this.#settledMs, ...rest.slice(-1).map(({ timeMs }) => timeMs));
    // Behind a final nothing may stand.
    if (rest.length > 0) this.#tell(this.#final ? 'tampered' : 'unfinished', lastMs, rest, 0);
    if (this.#open) this.#onStretch(this.#open);
    this.#open = undefined;
  }

  /** Deals with what a checkpoint leaves between itself and the one before. */
  #settleUpTo({ number, first, fromMs, previous }: Checkpoint): void {
    const before = this.#takeOut(({ sequence }) => sequence < first);
    const follows = number === this.#number && previous.equals(this.#link);
    // Nothing is lost between the two, and yet they do not fit: damage cannot do that.
    this.#isForked ||= number === this.#number && !follows;
    if (follows && before.length === 0) return;
    this.#tell(
      before.length > 0 || number === this.#number ? 'tampered' : 'missing',
      fromMs,
      before,
      first - this.#settled,
    );
  }

  get #intact(): Verdict {
    return this.#isForked ? 'tampered' : 'intact';
  }

  #linkTo(body: Buffer, packets: number): void {
    this.#link = linkOf(this.#runId, body);
    this.#onLink(this.#link, { toMs: this.#settledMs, packets });
  }

  #takeOut(isWanted: (packet: Pending) => boolean): Pending[] {
    const wanted = this.#pending.filter(isWanted);
    this.#pending = this.#pending.filter((packet) => !isWanted(packet));
    return wanted;
  }

  /** Whether these packets, in this order, are what the checkpoint signed. */
  #matches(packets: readonly Pending[], { first, count, root }: Checkpoint): boolean {
    if (packets.length !== count) return false;
    const tree = new MerkleRoot();
    for (const [index, { sequence, leaf }] of packets.entries()) {
      if (sequence !== first + index) return false;
      tree.add(leaf);
    }
    return tree.root().equals(root);
  }

  #tell(verdict: Verdict, toMs: number, packets: readonly Pending[], expected: number): void {
    const stretch: Stretch = {
      verdict,
      fromMs: this.#settledMs,
      toMs: Math.max(this.#settledMs, toMs),
      found: packets.length,
      expected: verdict === 'unfinished' ? packets.length : expected,
    };
    this.#settledMs = stretch.toMs;
    const open = this.#open;
    if (open && open.verdict === verdict) {
      const { fromMs, found, expected: before } = open;
      this.#open = { ...stretch, fromMs, found: found + stretch.found, expected: before + stretch.expected };
      return;
    }
    if (open) this.#onStretch(open);
    this.#open = stretch;
  }
}
