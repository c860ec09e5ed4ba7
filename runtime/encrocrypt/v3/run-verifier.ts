/**
 * Checks one run with nothing but what its header says: which milliseconds of it are as the camera recorded them, and
 * which are not. Packets give no times, no ends and no gaps before a checkpoint vouches for them. Memory does not grow with what is whole.
 */
import type { KeyObject } from 'node:crypto';
import { decodeCheckpoint, decodeFinal, type Final } from './chain.ts';
import { believable, Piece, type Sign, type Stretch, tellIn } from './chain-pieces.ts';
import { linkOf, sha256 } from './format.ts';
import type { Header } from './header.ts';
import type { ChainPacket } from './reader.ts';
import { importRunKey } from './run-key.ts';
import { StandingPackets, type Standings, type VouchedNote, type VouchedPacket } from './standing-packets.ts';

/** Each costs whoever checks a comparison with each other; a run that lost more pieces than these has other troubles. */
const maxPieces = 4096;
/** In pieces that nobody knows yet whether to believe. */
const maxNoteBytesKept = 4 * 2 ** 20;
/** A run has some thousand. */
const maxNumbersKept = 65_536;

/** How far what a certificate may name reaches in its run, from the run's start. */
export interface LinkReach {
  /** Milliseconds. */
  readonly toMs: number;
  readonly packets: number;
}

export class RunVerifier {
  readonly #header: Header;
  readonly #key: KeyObject;
  readonly #onStretch: (stretch: Stretch) => void;
  readonly #onNote: (note: VouchedNote) => void;
  readonly #onLink: (link: Buffer, reach: LinkReach) => void;
  readonly #onVouched: (packets: readonly VouchedPacket[]) => void;
  readonly #standing = new StandingPackets();
  /** The first one begins with the header; each other one stands behind the one before. */
  readonly #pieces: [Piece, ...Piece[]];
  /** What was signed under each number, and from when. */
  readonly #byNumber = new Map<number, { readonly link: Buffer; readonly fromMs: number }>();
  /** From here on somebody signed another past with this run's key: nothing can be said of what comes then. */
  #forkMs = Number.POSITIVE_INFINITY;
  #noteBytes = 0;
  #lastLink: Buffer;
  #isSigned = false;
  /** How it ended, if it did, and what the next run's header should name: once it is over. */
  #outcome: { readonly final: Final | undefined; readonly link: Buffer } | undefined;

  /**
   * @param onStretch called in the order of time, when the run is over; neighbours of one verdict come as one.
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
    this.#header = header;
    this.#key = importRunKey(header.statement.runKey);
    this.#onStretch = onStretch;
    this.#onNote = onNote;
    this.#onLink = onLink;
    this.#onVouched = onVouched;
    this.#lastLink = header.hash;
    this.#pieces = [Piece.behindHeader(header.hash)];
    onLink(header.hash, { toMs: 0, packets: 0 });
  }

  /** How it ended, if it did, as far as that is known. */
  get final(): Final | undefined {
    return this.#outcome ? this.#outcome.final : this.#top.final;
  }

  /** Whether its final stands here, with everything before it: nothing that can come belongs to it. */
  get isOver(): boolean {
    return this.#pieces.length === 1 && this.#pieces[0].final !== undefined;
  }

  /** Of the last checkpoint or final: what the next run's header should name. */
  get link(): Buffer {
    return this.#outcome?.link ?? this.#top.link;
  }

  /** Of what its key signed last in the file, wherever that belongs. */
  get lastLink(): Buffer {
    return this.#lastLink;
  }

  /** Whether anything here was signed by its key, behind the header. */
  get isSigned(): boolean {
    return this.#isSigned;
  }

  /** Whether packets wait for a checkpoint. */
  get hasPackets(): boolean {
    return this.#standing.count > 0;
  }

  /** Whether the run's key signed this body of a checkpoint or a final. */
  owns(body: Buffer): boolean {
    const { runId } = this.#header.statement;
    return (decodeCheckpoint(body, runId, this.#key) ?? decodeFinal(body, runId, this.#key)) !== undefined;
  }

  /** A packet of the chain, in the order of the file. */
  take(packet: ChainPacket): void {
    this.#standing.add(packet);
  }

  /** Packets that stand behind another run's header, which somebody put between. */
  takeAllOf(other: RunVerifier): void {
    this.#standing.takeAllOf(other.#standing);
  }

  /** Something stands here that is none of this run's. */
  interrupt(): void {
    this.#top.tellAddition();
  }

  /** @returns whether it is one of this run's. */
  checkpoint(body: Buffer): boolean {
    const checkpoint = decodeCheckpoint(body, this.#header.statement.runId, this.#key);
    if (!checkpoint) return false;
    const standings = this.#standing.before(checkpoint);
    this.#sign({ ...checkpoint, previous: Buffer.from(checkpoint.previous) }, body, standings);
    return true;
  }

  /** @returns whether it is this run's. */
  finish(body: Buffer): boolean {
    const decoded = decodeFinal(body, this.#header.statement.runId, this.#key);
    if (!decoded) return false;
    const final = { ...decoded, previous: Buffer.from(decoded.previous) };
    const { number, previous, timeMs } = final;
    const sign = { number, previous, final, first: final.count, count: 0, fromMs: timeMs, toMs: timeMs };
    const standings = this.#standing.before({ ...sign, root: rootOfNone });
    this.#sign(sign, body, standings);
    return true;
  }

  /** No more of this run will come. */
  end(): void {
    const pieces = believable(this.#pieces);
    const told = this.#join(pieces);
    const last = pieces.at(-1) ?? this.#pieces[0];
    this.#outcome = { final: last.final, link: last.link };
    const toMs = told.at(-1)?.toMs ?? 0;
    const count = this.#standing.count;
    if (count > 0 && last.final) {
      // Behind a final nothing may stand.
      tellIn(told, { verdict: 'tampered', fromMs: toMs, toMs, found: count, expected: 0 });
    } else if (count > 0) {
      // What nobody signed reaches no further than a checkpoint would have been due.
      const dueMs = toMs + this.#header.statement.checkpointMs;
      const untilMs = Math.min(dueMs, Math.max(toMs, this.#standing.lastMs));
      tellIn(told, {
        ...{ verdict: 'unfinished', fromMs: toMs, toMs: untilMs, found: count, expected: count },
      });
    }
    for (const piece of pieces.slice(1)) for (const note of piece.notes) this.#onNote(note);
    for (const stretch of this.#withoutForked(told)) this.#onStretch(stretch);
  }

  get #top(): Piece {
    return this.#pieces.at(-1) as Piece;
  }

  #sign(signed: Omit<Sign, 'link'>, body: Buffer, standings: Standings): void {
    const link = linkOf(this.#header.statement.runId, body);
    const sign: Sign = { ...signed, link };
    this.#standing.clear();
    this.#isSigned = true;
    this.#lastLink = link;
    this.#onLink(link, { toMs: sign.toMs, packets: sign.first + sign.count });
    this.#compareNumber(sign);
    if (standings.covered.length > 0) this.#onVouched(standings.covered);
    const index = this.#followedBy(sign);
    const followed = this.#pieces[index];
    if (!followed) {
      this.#begin(sign, standings);
      return;
    }
    const added = this.#pieces.splice(index + 1).length;
    if (added > 0) followed.tellAddition(added);
    followed.add(sign, standings);
    if (standings.isWhole) this.#note(followed, standings.notes);
  }

  /**
   * Where a checkpoint stands twice, what follows it follows both: the piece that began with the header goes on, else that for which more
   * speaks, the earlier one if there is no difference. Of none: -1.
   */
  #followedBy(sign: Sign): number {
    if (this.#pieces[0].isFollowedBy(sign)) return 0;
    let [found, weight] = [-1, 0];
    for (const [index, piece] of this.#pieces.entries()) {
      if (piece.weight > weight && piece.isFollowedBy(sign)) [found, weight] = [index, piece.weight];
    }
    return found;
  }

  /** A checkpoint that follows nothing here: the one before is gone, or somebody put this one here. */
  #begin(sign: Sign, standings: Standings): void {
    if (this.#pieces.length >= maxPieces) {
      this.#top.tellAddition();
      return;
    }
    const piece = Piece.of(sign, standings);
    this.#pieces.push(piece);
    if (standings.isWhole) this.#note(piece, standings.notes);
  }

  #note(piece: Piece, notes: readonly VouchedNote[]): void {
    for (const note of notes) {
      if (piece === this.#pieces[0]) {
        this.#onNote(note);
        continue;
      }
      this.#noteBytes += note.content.length;
      if (this.#noteBytes <= maxNoteBytesKept) piece.notes.push(note);
    }
  }

  /** Two that differ under one number: whoever signed the second had the run's key, and which is the second cannot be told. */
  #compareNumber({ number, link, fromMs }: Sign): void {
    const known = this.#byNumber.get(number);
    if (known && !known.link.equals(link)) {
      this.#forkMs = Math.min(this.#forkMs, known.fromMs, fromMs);
    } else if (!known && this.#byNumber.size < maxNumbersKept) this.#byNumber.set(number, { link, fromMs });
  }

  /** The pieces' stretches, with what is lacking between them. */
  #join(pieces: readonly Piece[]): Stretch[] {
    const told: Stretch[] = [];
    let last: Piece | undefined;
    let toMs = 0;
    for (const [index, piece] of this.#pieces.entries()) {
      if (!pieces.includes(piece)) continue;
      // Between it and the one before stands what is not believed.
      const between = last ? index - this.#pieces.indexOf(last) - 1 : 0;
      if (last) {
        const lacking = piece.first - last.packets;
        // Damage takes time or packets away with a checkpoint.
        const isNothingLost =
          piece.firstNumber === last.number + 1 || (lacking === 0 && piece.fromMs <= toMs);
        if (isNothingLost || lacking < 0) this.#forkMs = Math.min(this.#forkMs, toMs);
        const found = piece.othersBefore + between;
        const verdict = found > 0 || isNothingLost || lacking < 0 ? 'tampered' : 'missing';
        const untilMs = Math.max(toMs, piece.fromMs);
        tellIn(told, { verdict, fromMs: toMs, toMs: untilMs, found, expected: Math.max(0, lacking) });
        toMs = untilMs;
      }
      for (const stretch of piece.stretches) {
        const untilMs = Math.max(toMs, stretch.toMs);
        tellIn(told, { ...stretch, fromMs: toMs, toMs: untilMs });
        toMs = untilMs;
      }
      last = piece;
    }
    const behind = last ? this.#pieces.length - 1 - this.#pieces.indexOf(last) : 0;
    if (behind > 0) tellIn(told, { verdict: 'tampered', fromMs: toMs, toMs, found: behind, expected: 0 });
    return told;
  }

  #withoutForked(told: readonly Stretch[]): Stretch[] {
    const forkMs = this.#forkMs;
    if (forkMs === Number.POSITIVE_INFINITY) return [...told];
    const judged: Stretch[] = [];
    for (const stretch of told) {
      if (stretch.verdict !== 'intact' || stretch.toMs <= forkMs) tellIn(judged, stretch);
      else if (stretch.fromMs >= forkMs) tellIn(judged, { ...stretch, verdict: 'tampered' });
      else {
        tellIn(judged, { ...stretch, toMs: forkMs });
        tellIn(judged, { ...stretch, verdict: 'tampered', fromMs: forkMs, found: 0, expected: 0 });
      }
    }
    return judged;
  }
}

const rootOfNone = sha256();
